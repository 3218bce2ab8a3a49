import assert from "node:assert/strict";
import test from "node:test";
import { streamPath, withQuery } from "../src/api/client";
import { ApiError, describeError, errorFromBody } from "../src/api/error";
import { Tokens } from "../src/api/tokens";
import { pushCommands } from "../src/commands/push";
import { clipDownload, framesDownload } from "../src/stream/downloads";

test("errors speak in the server's words", () => {
  const body = JSON.stringify({ error: { code: "StreamNotFound", message: "there is no stream cam", hint: "Create it." } });
  const error = errorFromBody(404, body);
  assert.deepEqual([error.status, error.code, error.hint], [404, "StreamNotFound", "Create it."]);
  assert.equal(describeError(error), "There is no stream cam. Create it.");
});

test("errors of another shape are still usable", () => {
  for (const body of ["", "<html>Bad gateway</html>", "null", "[]", '{"error":"x"}', '{"error":{"message":7}}']) {
    const error = errorFromBody(502, body);
    assert.ok(error instanceof ApiError && error.status === 502);
    assert.match(describeError(error), /502/);
  }
});

test("addresses are escaped", () => {
  assert.equal(streamPath("a.b-c_d", "/clip.mp4"), "/v1/video/a.b-c_d/clip.mp4");
  assert.equal(streamPath("a/b?c", ""), "/v1/video/a%2Fb%3Fc");
  assert.equal(withQuery("/x", { a: "1 2", b: null, c: undefined, d: 0 }), "/x?a=1+2&d=0");
});

test("downloads name their range, and their files sort", () => {
  const range = { fromMs: Date.parse("2026-11-22T14:05:09.250Z"), toMs: Date.parse("2026-11-22T14:06:00Z") };
  const clip = clipDownload("cam", range, "T");
  assert.equal(clip.file, "cam_20261122T140509Z_20261122T140600Z.mp4");
  assert.equal(new URL(clip.href, "http://h").searchParams.get("from"), "2026-11-22T14:05:09.250Z");
  const frames = new URL(framesDownload("cam", range, "T", null, 640).href, "http://h").searchParams;
  assert.deepEqual([frames.get("every"), frames.get("fps"), frames.get("width")], ["keyframe", null, "640"]);
});

test("a token is asked for once and renewed before it ends", async () => {
  let now = 0;
  let minted = 0;
  const mint = async () => ({ token: `t${(minted += 1)}`, expires_at: new Date(now + 3_600_000).toISOString() });
  const tokens = new Tokens(mint, () => now);
  const [first, second] = await Promise.all([tokens.play("cam"), tokens.play("cam")]);
  assert.deepEqual([first.text, second.text, minted], ["t1", "t1", 1]);
  now = 30 * 60_000;
  assert.equal((await tokens.play("cam")).text, "t1");
  now = 50 * 60_000;
  assert.equal((await tokens.play("cam")).text, "t2");
});

test("a refused token is asked for again", async () => {
  let calls = 0;
  const tokens = new Tokens(async () => {
    calls += 1;
    if (calls === 1) throw new ApiError(503, "Busy", "later");
    return { token: "ok", expires_at: Date.now() + 3_600_000 };
  });
  await assert.rejects(tokens.play("cam"));
  assert.equal((await tokens.play("cam")).text, "ok");
});

test("push commands carry the address and the token, and no line is left open", () => {
  const target = { origin: "http://h:1", stream: "a b", token: "t+/=" };
  const rtsp = { origin: "rtsp://h:2", username: "u/", password: "p@" };
  const http = '"http://h:1/v1/video/a%20b/ingest?token=t%2B%2F%3D"';
  const over = (group) => group.commands.filter(({ text }) => /rtsps?:\/\/\S*h:2/.test(text));
  const [ffmpeg, gstreamer, obs, curl] = pushCommands({ ...target, rtsp });
  for (const { text } of [...ffmpeg.commands, ...gstreamer.commands, ...curl.commands]) {
    const overRtsp = text.includes("h:2");
    assert.ok(text.includes(http) !== overRtsp, text);
    assert.ok(!overRtsp || /rtsp:\/\/(u%2F:p%40@)?h:2\/a%20b"/.test(text), text);
    assert.ok(!text.endsWith("\\"));
  }
  assert.deepEqual([ffmpeg, gstreamer, obs, curl].map((group) => over(group).length), [2, 1, 1, 0]);
  assert.ok(over(gstreamer)[0].text.includes('user-id="u/" user-pw="p@"'));
  assert.equal(obs.commands[0].text, "rtsp://u%2F:p%40@h:2/a%20b");
  // Without RTSP everything goes over HTTP.
  const groups = pushCommands({ ...target, rtsp: null });
  assert.deepEqual(groups.map((group) => over(group).length), [0, 0, 0, 0]);
  assert.equal(`"${groups[2].commands[0].text}"`, http);
});
