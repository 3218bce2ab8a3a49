// The checks, in the order in which they run. Each gets the console and the options, and answers with details to print.
import { audit } from "./audit.mjs";
import { ensure, until } from "./browser.mjs";
import { data } from "./data.mjs";
import { keys } from "./keys.mjs";
import { traffic } from "./traffic.mjs";
import { users } from "./users.mjs";

/** Decoded pictures of the server take a worker's start the first time. */
const PICTURE_MS = 30_000;
const LATENCY_S_MAX = 15;
const LIVE_S_MIN = 40;

export const CHECKS = [
  ["a wrong secret is refused in words", refused],
  ["signing in opens the list of streams", list],
  ["the camera plays live", live],
  ["a click on the timeline plays the past", past],
  ["a drag on the timeline seeks", drag],
  ["playback goes on across a gap", acrossGap],
  ["the live button returns to the live edge", backToLive],
  ["the timeline shows a picture under the pointer", hover],
  ["a marked range becomes a clip and frames", range],
  ["everything works by keyboard", keyboard],
  ["ingest, API and settings are there", sections],
  ["a camera can be tried before it is added", adding],
  ["an undecodable codec is said so, with stills", hevc],
  ["a data stream's shards and records are seen, and a shard is split", data],
  ["what a data stream takes and gives is seen, and who is behind", traffic],
  ["a user is made, signs in, is refused when its key is disabled, and goes", users],
  ["a key is made, disabled and enabled for the streams that use it, and its deletion called off", keys],
  ["the audit log tells it", audit],
  ["controls have names", names],
  ["dark and light", schemes],
  ["nothing sticks out at 360 pixels", phone],
  ["a reload keeps the session, signing out ends it", session],
];

async function refused(console_, { id }) {
  await console_.open();
  await console_.signIn(id, "not-the-secret");
  const text = await until("a message", () => console_.page.$eval("[role=alert]", (alert) => alert.textContent));
  await console_.shot("sign-in");
  return { text };
}

async function list(console_, { id, secret, live: name }) {
  await console_.open();
  await console_.signIn(id, secret);
  const row = `tr[data-stream="${name}"]`;
  await until(`a row for ${name}`, () => console_.page.$(row));
  const facts = () => console_.page.$eval(row, (element) => element.innerText.replace(/\s+/g, " "));
  await until("the state Live", async () => (await facts()).includes("Live"));
  const ageOf = () => console_.page.$eval(`${row} .cell-age`, (cell) => cell.textContent);
  const before = await ageOf();
  await until("the age to tick", async () => (await ageOf()) !== before, 5000);
  const picture = `${row} .preview img`;
  await until("a still picture", () => console_.page.evaluate((css) => document.querySelector(css)?.naturalWidth > 0, picture), PICTURE_MS);
  await until("the day's coverage", () => console_.page.$(`${row} .sparkline rect.recorded`));
  await console_.shot("streams");
  return { facts: await facts() };
}

async function live(console_, { live: name }) {
  await untilLiveFor(console_, LIVE_S_MIN);
  await console_.openStream(name);
  await console_.untilState("live playback", (now) => now.mode === "live" && now.status === "playing", 30_000);
  const played = await console_.plays(4);
  const { latency, mode } = await console_.state();
  ensure(mode === "live", "the player left the live edge by itself");
  ensure(latency > 0 && latency < LATENCY_S_MAX, `the latency is ${latency} s`);
  await console_.shot("live");
  return { ...played, latency_s: Number(latency.toFixed(2)) };
}

/** Asks the server itself, to know what the page should show. */
async function ask({ options: { url, id, secret } }, path) {
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;
  const response = await fetch(`${url}/v1/video/${path}`, { headers: { authorization }, signal: AbortSignal.timeout(5000) });
  ensure(response.ok, `${path} answers ${response.status}`);
  return response.json();
}

/** Later checks step back by half a minute and must still be in this camera's own footage. */
async function untilLiveFor(console_, seconds) {
  const { live: name } = console_.options;
  const lasts = async () => {
    const { session, last_durable: durable } = await ask(console_, name);
    return session && durable && durable.server_ms - session.since_ms > seconds * 1000;
  };
  await until(`${name} to be live for ${seconds} s`, lasts, (seconds + 30) * 1000);
}

/** Zooms so that what is `backS` back can be hit with the mouse, and gives the instant. */
async function showPast(console_, backS) {
  const { instantMs } = await console_.state();
  const targetMs = instantMs - backS * 1000;
  const shown = async () => (await console_.band()).startMs < targetMs;
  await console_.clickText(backS < 3000 ? "1 h" : "24 h");
  await until("the timeline to show the past", shown, 5000);
  return targetMs;
}

async function past(console_, { past: name, backS, live: liveName }) {
  if (name !== liveName) await console_.openStream(name);
  await console_.untilState("something to play", (now) => now.instantMs > 0 && now.status !== "loading", 30_000);
  const targetMs = await showPast(console_, backS);
  const { x, y, msPerPx } = await console_.pointOf(targetMs);
  const clickedMs = Date.now();
  await console_.page.mouse.click(x, y);
  // In a hole, the player goes to what follows.
  const { spans } = await ask(console_, `${name}/timeline`);
  const expectedMs = Math.max(targetMs, spans.find((span) => span.end_ms > targetMs)?.start_ms ?? targetMs);
  const near = (now) => now.instantMs - expectedMs > -1000 - 2 * msPerPx && now.instantMs - expectedMs < 5000 + 2 * msPerPx;
  await console_.untilState(`the instant ${backS} s back`, (now) => now.mode === "past" && now.status === "playing" && near(now));
  const seekMs = Date.now() - clickedMs;
  const played = await console_.plays(3);
  await console_.shot("past");
  return { ...played, seek_ms: seekMs, back_s: backS };
}

async function drag(console_) {
  const { instantMs } = await console_.state();
  const from = await console_.pointOf(instantMs);
  const targetMs = instantMs - 60 * from.msPerPx;
  const to = await console_.pointOf(targetMs);
  await console_.page.mouse.move(from.x, from.y);
  await console_.page.mouse.down();
  await console_.page.mouse.move(to.x, to.y, { steps: 8 });
  const during = await console_.page.$eval(".timeline-band", (band) => Number(band.ariaValueNow) * 1000);
  ensure(Math.abs(during - targetMs) < 2000 + 3 * from.msPerPx, "the playhead does not follow the drag");
  await console_.page.mouse.up();
  const near = (now) => now.status === "playing" && Math.abs(now.instantMs - targetMs) < 3000 + 3 * from.msPerPx;
  await console_.untilState("the instant under the released button", near);
  return console_.plays(2);
}

/** Plays from right before the newest gap into what follows, which may have another codec, size or set of tracks. */
async function acrossGap(console_, { live: name }) {
  const { gaps } = await ask(console_, `${name}/timeline`);
  const losses = gaps.filter(({ reason }) => reason !== "not_recorded" && reason !== "retention");
  const gap = losses[losses.length - 1];
  if (!gap) return { skipped: "the stream has no gap" };
  await console_.openStream(name);
  await console_.untilState("playback", (now) => now.status === "playing", 30_000);
  await console_.clickText("Gaps");
  const first = "table.gaps tbody button";
  await until("the list of gaps", () => console_.page.$(first));
  await console_.page.click(first);
  await console_.untilState("footage before the gap", (now) => now.status === "playing" && now.instantMs < gap.start_ms);
  const after = await console_.untilState("footage after the gap", (now) => now.status === "playing" && now.instantMs > gap.end_ms, 30_000);
  ensure(after.error === null, `the player reports ${JSON.stringify(after.error)}`);
  return { gap_s: (gap.end_ms - gap.start_ms) / 1000, reason: gap.reason, ...(await console_.plays(2)) };
}

async function backToLive(console_, { live: name, past: pastName }) {
  if (name !== pastName) await console_.openStream(name);
  await until("the live button", () => console_.page.$(".live-button"));
  await console_.page.click(".live-button");
  await console_.untilState("the live edge", (now) => now.mode === "live" && now.status === "playing", 20_000);
  return console_.plays(2);
}

async function hover(console_) {
  const { instantMs } = await console_.state();
  await console_.clickText("10 min");
  const point = await until("room left of the playhead", async () => {
    const { msPerPx } = await console_.pointOf(instantMs);
    return console_.pointOf(instantMs - Math.max(5000, 8 * msPerPx)).catch(() => null);
  });
  await console_.page.mouse.move(point.x, point.y);
  const shown = () => console_.page.evaluate(() => document.querySelector(".hover-picture img")?.naturalWidth);
  const width = await until("a picture over the timeline", shown, PICTURE_MS);
  await console_.shot("hover");
  await console_.page.mouse.move(10, 10);
  return { width };
}

async function range(console_) {
  const { instantMs } = await console_.state();
  await console_.clickText("1 min");
  const from = await console_.pointOf(instantMs - 12_000);
  const to = await console_.pointOf(instantMs - 4_000);
  const beforeMs = (await console_.band()).startMs;
  await console_.page.keyboard.down("Shift");
  await console_.page.mouse.move(from.x, from.y);
  await console_.page.mouse.down();
  await console_.page.mouse.move(to.x, to.y, { steps: 8 });
  await console_.page.mouse.up();
  await console_.page.keyboard.up("Shift");
  const movedMs = (await console_.band()).startMs - beforeMs;
  const href = (css) => until(css, () => console_.page.evaluate((one) => document.querySelector(one)?.href, css));
  const clip = new URL(await href("#clip-link"));
  const lengthMs = Date.parse(clip.searchParams.get("to")) - Date.parse(clip.searchParams.get("from"));
  ensure(Math.abs(lengthMs - 8000) < 1500 + movedMs, `the range is ${lengthMs} ms long`);
  ensure(clip.searchParams.get("token"), "the link carries no token");
  const clipBytes = await firstBytes(console_, clip.href);
  ensure(clipBytes.status === 200 && clipBytes.text.slice(4, 8) === "ftyp", `the clip answers ${clipBytes.status} ${clipBytes.text.slice(0, 200)}`);
  const frames = await firstBytes(console_, await href("#frames-link"));
  ensure(frames.status === 200 && frames.text.slice(257, 262) === "ustar", `the frames answer ${frames.status} ${frames.text.slice(0, 200)}`);
  await console_.shot("range");
  await console_.press("Escape");
  await until("the range to be cleared", async () => !(await console_.page.$("#clip-link")));
  return { length_ms: lengthMs, clip_bytes: clipBytes.length, frames_bytes: frames.length };
}

/** Follows a download link as the browser would: without any header of ours. */
function firstBytes(console_, href) {
  return console_.page.evaluate(async (url) => {
    const response = await fetch(url, { signal: AbortSignal.timeout(60_000) });
    const body = new Uint8Array(await response.arrayBuffer());
    return { status: response.status, length: body.length, text: String.fromCharCode(...body.slice(0, 512)) };
  }, href);
}

async function keyboard(console_) {
  const pressed = [];
  const press = async (key, what, holds, modifier = null) => {
    await console_.press(key, modifier);
    const after = await console_.untilState(`${what} after ${key}`, holds, 10_000);
    pressed.push(key);
    return after;
  };
  await console_.page.evaluate(() => document.activeElement?.blur());
  await press(" ", "pause", (now) => now.paused && now.status === "paused");
  const start = await console_.state();
  const moved = (now, byMs, slackMs) => Math.abs(now.instantMs - start.instantMs - byMs) < slackMs;
  await press("j", "ten seconds back", (now) => moved(now, -10_000, 1000));
  await press("ArrowRight", "one second ahead", (now) => moved(now, -9000, 900));
  await press("ArrowLeft", "one second back", (now) => moved(now, -10_000, 900));
  const still = await console_.state();
  await press(".", "one frame ahead", (now) => now.instantMs > still.instantMs && now.instantMs - still.instantMs < 300);
  await press(",", "one frame back", (now) => Math.abs(now.instantMs - still.instantMs) < 20);
  await press("k", "playback", (now) => !now.paused && now.status === "playing" && now.mode === "past");
  await press("n", "the live edge", (now) => now.mode === "live" && now.status === "playing");
  await press("m", "sound", () => console_.page.$eval("video", (video) => !video.muted));
  await press("m", "silence", () => console_.page.$eval("video", (video) => video.muted));
  const span = async () => { const band = await console_.band(); return band.endMs - band.startMs; };
  const spanMs = await span();
  await console_.press("-");
  await until("the timeline to zoom out", async () => (await span()) > spanMs * 1.5, 5000);
  await console_.press("+");
  await until("the timeline to zoom in", async () => (await span()) < spanMs * 1.5, 5000);
  await marksAndDialogs(console_);
  return { pressed: [...pressed, "-", "+", "i", "o", "Escape", "?", "g"] };
}

async function marksAndDialogs(console_) {
  await console_.press("i");
  await console_.press("o");
  await until("a marked range", () => console_.page.$("#clip-link"));
  await console_.press("Escape");
  await until("no range", async () => !(await console_.page.$("#clip-link")));
  await console_.press("?");
  await until("the list of keys", () => console_.page.$("dialog[open] .keys"));
  await console_.shot("keys");
  await console_.press("Escape");
  await until("the list to close", async () => !(await console_.page.$("dialog")));
  await console_.press("g");
  await until("the field for a time", () => console_.page.evaluate(() => document.activeElement?.getAttribute("name") === "time"));
  const { instantMs } = await console_.state();
  await console_.page.keyboard.type("-30s");
  await console_.press("Enter");
  await console_.untilState("half a minute back", (now) => now.mode === "past" && now.instantMs < instantMs - 15_000 && now.status === "playing");
  await console_.press("Home");
  await console_.untilState("the live edge", (now) => now.mode === "live" && now.status === "playing");
}

async function sections(console_, { url, live: name }) {
  await console_.clickText("Ingest");
  const commands = () => console_.page.$$eval("[role=tabpanel] pre", (all) => all.map((pre) => pre.textContent));
  const ready = async () => (await commands()).find((text) => text.includes(`${url}/v1/video/${name}/ingest?token=`) && !text.includes("token=TOKEN"));
  const command = await until("a push command with a token", ready);
  await console_.shot("ingest", true);
  await console_.clickText("GStreamer");
  await until("a GStreamer command", async () => (await commands()).some((text) => text.includes("gst-launch-1.0")));
  await console_.clickText("curl");
  await until("a curl command", async () => (await commands()).some((text) => text.includes("curl -T")));
  await console_.clickText("API");
  await until("a request for what is on screen", async () => (await commands()).some((text) => text.includes("/frame.jpg?at=")));
  await console_.clickText("Settings");
  await holding(console_);
  const danger = () => console_.page.$eval("button.danger", (button) => button.disabled);
  ensure(await danger(), "deleting is possible without typing the name");
  await console_.page.type("input[name=confirm]", name);
  await until("the typed name to be accepted", async () => !(await danger()), 5000);
  await console_.shot("settings", true);
  await console_.clickText("Release");
  await until("the hold to be gone", async () => !(await console_.page.$(".holds li")));
  return { command: command.split("\n")[0] };
}

/** A marked range is held, and Settings shows by what and at which cost. */
async function holding(console_) {
  await console_.press("i");
  await console_.press("o");
  await until("a marked range", () => console_.page.$("#clip-link"));
  await console_.clickText("Hold");
  await console_.press("Escape");
  const shown = () => console_.page.$eval(".holds", (section) => section.textContent);
  await until("the hold and what it keeps", async () => /from-\d{8}T\d{6}Z keeps [\d.]+\s[kMG]?B/.test(await shown()));
}

/** Nothing listens on the discard port: the camera does not answer, and the dialog says so. */
async function adding(console_, { live: name }) {
  await console_.open("#/");
  await until("the list", () => console_.page.$(`tr[data-stream="${name}"]`));
  await console_.clickText("Add camera");
  const streamField = "dialog[open] input[name=stream]";
  await until("the dialog", () => console_.page.$(streamField));
  await console_.page.type(streamField, "gate");
  await console_.clickText("Pull");
  const address = "input[name=source-url]";
  await until("a field for the address", () => console_.page.$(address));
  await console_.page.type(address, "rtsp://admin:se%3Acret@127.0.0.1:9/cam");
  await console_.clickText("Test");
  const why = () => console_.page.evaluate(() => document.querySelector(".probe .message.error")?.textContent);
  const text = await until("the reason why there is no picture", why, PICTURE_MS);
  ensure(!text.includes("cret"), "the message shows the password");
  const typed = await console_.page.$$eval("dialog input", (all) => all.map((input) => input.value));
  ensure(typed.includes("rtsp://127.0.0.1:9/cam") && typed.includes("admin"), `the sign-in stayed in the address: ${typed[1]}`);
  await console_.shot("add-camera");
  await console_.clickText("Push");
  await console_.clickText("Pull");
  const kept = await console_.page.$$eval("dialog input", (all) => all.map((input) => input.value));
  ensure(kept.includes("gate") && kept.includes("rtsp://127.0.0.1:9/cam"), `looking at the other way lost something: ${kept}`);
  await console_.press("Escape");
  await until("the dialog to close", async () => !(await console_.page.$("dialog[open]")));
  return { text };
}

async function hevc(console_, { hevc: name }) {
  if (!name) return { skipped: "no H.265 stream was named" };
  await console_.openStream(name);
  await console_.untilState("stills", (now) => now.mode === "stills", 20_000);
  const width = (css) => console_.page.evaluate((one) => document.querySelector(one)?.naturalWidth, css);
  await until("a still picture", () => width("img.still"), PICTURE_MS);
  const reason = await console_.page.$eval(".honest", (note) => note.textContent);
  ensure(/H\.265/.test(reason), `the reason is: ${reason}`);
  await until("stills along the timeline", () => width(".strip-cell img"), PICTURE_MS);
  const link = await console_.page.$eval(".honest a", (anchor) => anchor.href);
  ensure(link.includes("/clip.mp4?") && link.includes("token="), `the download is ${link}`);
  const { error } = await console_.state();
  ensure(error === null, `the player reports ${JSON.stringify(error)}`);
  await console_.shot("hevc");
  return { reason: reason.slice(0, 90) };
}

async function names(console_, { live: name }) {
  await console_.openStream(name);
  await until("the player", () => console_.page.$(".live-button"));
  const roles = ["button", "link", "textbox", "combobox", "slider", "tab"];
  const nodes = [];
  const walk = (node) => {
    if (roles.includes(node.role)) nodes.push(node);
    (node.children ?? []).forEach(walk);
  };
  walk(await console_.page.accessibility.snapshot());
  const nameless = nodes.filter((node) => !node.name?.trim()).map((node) => node.role);
  ensure(nodes.length > 20, `only ${nodes.length} controls are there`);
  ensure(nameless.length === 0, `controls without a name: ${nameless.join(", ")}`);
  return { controls: nodes.length };
}

async function schemes(console_, { live: name }) {
  const colour = () => console_.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const seen = [];
  for (const scheme of ["dark", "light"]) {
    await console_.scheme(scheme);
    await console_.openStream(name);
    await console_.untilState("playback", (now) => now.status === "playing", 30_000);
    seen.push(await colour());
    await console_.isAccessible(`the page of a stream, ${scheme}`);
    await console_.shot(`stream-${scheme}`);
    await console_.open("#/");
    await until("the list", () => console_.page.$("table.streams"));
    await until("pictures", () => console_.page.$(".preview img"), PICTURE_MS);
    await console_.isAccessible(`the list of streams, ${scheme}`);
    await console_.shot(`streams-${scheme}`);
  }
  ensure(seen[0] !== seen[1], "dark and light look the same");
  return { backgrounds: seen };
}

async function phone(console_, { live: name, hevc: hevcName }) {
  await console_.phone();
  const seen = {};
  const measure = async (what) => {
    seen[what] = await console_.overflow();
    ensure(seen[what] <= 0, `${what}: ${seen[what]} px stick out`);
    await console_.shot(`phone-${what}`, true);
  };
  await console_.open("#/");
  await until("the list", () => console_.page.$("table.streams"));
  await measure("streams");
  await console_.clickText("Add camera");
  await until("the dialog", () => console_.page.$("dialog[open]"));
  await measure("add-camera");
  await console_.press("Escape");
  await console_.openStream(name);
  await console_.untilState("playback", (now) => now.status === "playing", 30_000);
  await console_.press("i");
  await until("a range", () => console_.page.$("#clip-link"));
  await measure("stream");
  for (const tab of ["Ingest", "API", "Settings"]) {
    await console_.clickText(tab);
    await measure(tab.toLowerCase());
  }
  if (hevcName) {
    await console_.openStream(hevcName);
    await until("the reason", () => console_.page.$(".honest"));
    await measure("hevc");
  }
  await console_.desktop();
  return seen;
}

async function session(console_) {
  await console_.open("#/");
  await console_.page.reload({ waitUntil: "domcontentloaded" });
  await until("the list after a reload", () => console_.page.$("table.streams"));
  await console_.clickText("Sign out");
  await until("the sign-in page", () => console_.page.$("input[name=password]"));
  const kept = await console_.page.evaluate(() => JSON.stringify([Object.values(sessionStorage), Object.values(localStorage)]));
  ensure(!kept.includes(console_.options.secret), "the secret is still stored");
  return {};
}
