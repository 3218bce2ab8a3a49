// A browser of our own for one run, and the console as a person would use it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import puppeteer from "puppeteer-core";

const LAUNCH_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];
const DESKTOP = { width: 1400, height: 900 };
const PHONE = { width: 360, height: 740, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const POLL_MS = 100;

/** Waits until `probe` gives something truthy, and gives that back; says what it waited for when it takes too long. */
export async function until(what, probe, timeoutMs = 15_000) {
  const deadline = Date.now() + timeoutMs;
  let last;
  for (;;) {
    last = await probe();
    if (last) return last;
    if (Date.now() > deadline) throw new Error(`gave up after ${timeoutMs} ms waiting: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export function ensure(condition, message) {
  if (!condition) throw new Error(message);
}

/** Starts Chromium with an empty profile; `close` ends it and removes the profile. */
export async function openConsole(options) {
  const profile = mkdtempSync(path.join(tmpdir(), "kinetoscope-browser-"));
  const browser = await puppeteer.launch({
    executablePath: options.chromium,
    headless: true,
    userDataDir: profile,
    args: LAUNCH_FLAGS,
    defaultViewport: DESKTOP,
    protocolTimeout: 60_000,
  });
  const page = await browser.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(`exception: ${error.message}`));
  page.on("console", (message) => {
    // A refused sign-in and a picture that is not there yet are answers, not faults of the page.
    const answered = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !answered) faults.push(message.text());
  });
  if (options.shots) mkdirSync(options.shots, { recursive: true });
  const close = async () => {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { console: new Console(page, options), faults, close };
}

export class Console {
  constructor(page, options) {
    this.page = page;
    this.options = options;
  }

  async open(hash = "#/") {
    const target = `${this.options.url}/${hash}`;
    await this.page.goto(target, { waitUntil: "domcontentloaded", timeout: 15_000 });
  }

  async openStream(name) {
    await this.open(`#/streams/${encodeURIComponent(name)}`);
    await until(`the page of ${name}`, () => this.page.$(".timeline-band"));
  }

  async signIn(id, secret) {
    await this.page.waitForSelector("input[name=username]", { timeout: 10_000 });
    for (const [field, text] of [["username", id], ["password", secret]]) {
      // Three clicks mark what is already there, so that typing replaces it.
      await this.page.click(`input[name=${field}]`, { count: 3 });
      await this.page.type(`input[name=${field}]`, text);
    }
    await this.page.click("button[type=submit]");
  }

  /** What the player says of itself, and what the video element has decoded. */
  state() {
    return this.page.evaluate(() => {
      const { mode, status, currentTime, instantMs, latency, error } = window.kinetoscope ?? {};
      const video = document.querySelector("video");
      const quality = video?.getVideoPlaybackQuality();
      const decoded = quality ? quality.totalVideoFrames - quality.droppedVideoFrames : 0;
      return { mode, status, currentTime, instantMs, latency, error, decoded, paused: video?.paused ?? null };
    });
  }

  async untilState(what, holds, timeoutMs) {
    let last;
    const probe = async () => holds((last = await this.state())) && last;
    return until(what, probe, timeoutMs).catch((error) => {
      throw new Error(`${error.message}; last state ${JSON.stringify(last)}`);
    });
  }

  /** Plays for `seconds` of media from here: time and decoded frames advance without an error. */
  async plays(seconds, timeoutMs = 20_000) {
    const before = await this.state();
    const after = await this.untilState(
      `${seconds} s of playback`,
      (now) => now.instantMs - before.instantMs >= seconds * 1000 && now.decoded - before.decoded >= seconds * 5,
      timeoutMs,
    );
    ensure(after.error === null, `the player reports ${JSON.stringify(after.error)}`);
    ensure(after.currentTime > before.currentTime, "currentTime does not advance");
    return { played_s: (after.instantMs - before.instantMs) / 1000, frames: after.decoded - before.decoded };
  }

  /** The timeline on screen: its box and the piece of time it shows. */
  band() {
    return this.page.$eval(".timeline-band", (element) => {
      const box = element.getBoundingClientRect();
      const { viewStart, viewEnd } = element.dataset;
      return {
        left: box.left, top: box.top, width: box.width, height: box.height,
        startMs: Number(viewStart), endMs: Number(viewEnd),
      };
    });
  }

  /** Where an instant is on screen. */
  async pointOf(instantMs) {
    const band = await this.band();
    const share = (instantMs - band.startMs) / (band.endMs - band.startMs);
    ensure(share >= 0 && share <= 1, `${new Date(instantMs).toISOString()} is not on screen`);
    return { x: band.left + share * band.width, y: band.top + band.height * 0.65, msPerPx: (band.endMs - band.startMs) / band.width };
  }

  async press(key, modifier = null) {
    if (modifier) await this.page.keyboard.down(modifier);
    await this.page.keyboard.press(key);
    if (modifier) await this.page.keyboard.up(modifier);
  }

  /** Clicks the button, tab or link with this text. */
  async clickText(text) {
    const clicked = await this.page.evaluate((wanted) => {
      const all = [...document.querySelectorAll("button, a")];
      const element = all.find((each) => each.textContent.trim() === wanted && each.getClientRects().length > 0);
      element?.click();
      return element !== undefined;
    }, text);
    ensure(clicked, `there is no button ${text}`);
  }

  async desktop() {
    await this.page.setViewport(DESKTOP);
  }

  async phone() {
    await this.page.setViewport(PHONE);
  }

  async scheme(value) {
    await this.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
  }

  /** A window of another width. */
  async width(width) {
    await this.page.setViewport({ ...DESKTOP, width });
  }

  /** Pixels that stick out to the right of the screen. */
  overflow() {
    return this.page.evaluate((width) => document.documentElement.scrollWidth - width, this.page.viewport().width);
  }

  /** axe-core finds nothing wrong with the page as it stands. */
  async isAccessible(what) {
    const path = fileURLToPath(import.meta.resolve("axe-core/axe.min.js"));
    await this.page.evaluate(readFileSync(path, "utf8"));
    const faults = await this.page.evaluate(async () => {
      const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
      return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" ")}`);
    });
    ensure(faults.length === 0, `${what}: ${faults.join(" | ")}`);
  }

  /** The page as it stands is accessible in both schemes, and nothing sticks out, however wide the window is. */
  async looks(name) {
    for (const scheme of ["dark", "light"]) {
      await this.scheme(scheme);
      for (const width of [1280, 400]) {
        await this.width(width);
        await this.shot(`${name}-${scheme}-${width}`, true);
        const over = await this.overflow();
        ensure(over <= 0, `${name} at ${width} px: ${over} px stick out`);
        await this.isAccessible(`${name}, ${scheme}, ${width} px`);
      }
    }
    await this.desktop();
  }

  async shot(name, fullPage = false) {
    if (this.options.shots) await this.page.screenshot({ path: path.join(this.options.shots, `${name}.png`), fullPage });
  }
}
