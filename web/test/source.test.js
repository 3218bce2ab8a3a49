import assert from "node:assert/strict";
import test from "node:test";
import { rtspDoor } from "../src/commands/rtsp";
import { EMPTY_DRAFT, draftOf, problemOf, settingsOf, tidied, triedSettingsOf } from "../src/source/draft";
import { packetsText, probeText, stateText, trackText } from "../src/source/words";

const draft = (url, more = {}) => ({ ...EMPTY_DRAFT, url, ...more });

test("a password in an address is moved where it is not read", () => {
  const tidy = tidied(draft(" rtsp://ad%40min:p%3Ass:word@cam:8554/a?b=1 "));
  assert.deepEqual([tidy.url, tidy.username, tidy.password], ["rtsp://cam:8554/a?b=1", "ad@min", "p:ss:word"]);
  const without = draft("rtsp://cam/a", { username: "u" });
  assert.deepEqual(tidied(without), without);
  assert.equal(tidied(draft("rtsp://u%:p@cam/a")).username, "u%");
});

test("only what a camera needs is sent", () => {
  assert.deepEqual(settingsOf(draft("rtsp://cam/a")), { url: "rtsp://cam/a", transport: "tcp" });
  assert.deepEqual(settingsOf(draft("rtsps://u:p@cam/a", { transport: "udp", verify: false })), {
    url: "rtsps://cam/a",
    username: "u",
    password: "p",
    transport: "udp",
    verify_certificate: false,
  });
});

test("a password that is kept is neither shown nor lost", () => {
  const known = draftOf("yard", { url: "rtsp://u:***@cam/a", transport: "udp", verify_certificate: true });
  assert.deepEqual([known.url, known.username, known.password, known.transport], ["rtsp://cam/a", "u", "", "udp"]);
  assert.equal(settingsOf(known).password, "***");
  assert.deepEqual([triedSettingsOf(known).password, triedSettingsOf(known).stream], ["***", "yard"]);
  assert.equal(settingsOf({ ...known, password: "new" }).password, "new");
  const tried = triedSettingsOf({ ...known, password: "new" });
  assert.deepEqual([tried.password, tried.stream], ["new", undefined]);
  const nobody = { ...known, username: "" };
  assert.deepEqual([settingsOf(nobody).username, settingsOf(nobody).password], ["", undefined]);
  assert.deepEqual([triedSettingsOf(nobody).username, triedSettingsOf(nobody).stream], [undefined, undefined]);
});

test("addresses that are none are told of", () => {
  for (const good of ["rtsp://cam", "RTSPS://u:p@[fe80::1]:322/x y".replace(" ", "%20")]) assert.equal(problemOf(good), null);
  for (const bad of ["", "cam", "http://cam/", "rtsp://", "rtsp:///a", "rtsp://cam/a b"]) assert.match(problemOf(bad), /rtsp:/, bad);
});

test("the way in over RTSP is where the browser can say it", () => {
  const door = (listen, hostname, tls = false) => rtspDoor({ rtsp: { listen, tls, error: null } }, hostname);
  assert.deepEqual(door("0.0.0.0:8554", "nvr.lan"), { origin: "rtsp://nvr.lan:8554", note: null });
  assert.equal(door("[::]:322", "[fe80::1]", true).origin, "rtsps://[fe80::1]:322");
  assert.equal(door("10.0.0.9:8554", "nvr.lan").origin, "rtsp://10.0.0.9:8554");
  assert.deepEqual(door("127.0.0.1:8554", "localhost"), { origin: "rtsp://127.0.0.1:8554", note: null });
  assert.match(door("127.0.0.1:8554", "nvr.lan").note, /--rtsp-listen 0\.0\.0\.0:8554/);
  assert.deepEqual(rtspDoor(null, "h"), { origin: null, note: null });
  assert.match(rtspDoor({ rtsp: { listen: null, tls: false, error: "it is in use" } }, "h").note, /it is in use/);
});

test("the state of a source in words", () => {
  const source = { state: "recording", since_ms: 1000, attempts: 3, next_try_ms: null };
  assert.equal(stateText(source, 61_000), "Recording for 1 min");
  assert.equal(stateText({ ...source, state: "connecting" }, 61_000), "Connecting");
  const waiting = { ...source, state: "waiting", next_try_ms: 73_500 };
  assert.equal(stateText(waiting, 61_000), "Waiting: attempt 4 in 13 s");
  assert.equal(stateText(waiting, 80_000), "Waiting: attempt 4 now");
});

test("what a camera sends in words", () => {
  assert.match(trackText({ kind: "video", codec: "avc1.42c01e", width: 640, height: 360 }), /^H\.264.*, 640 × 360$/);
  assert.match(trackText({ kind: "audio", codec: "mp4a.40.2", sample_rate: 44_100, channels: 1 }), /, 44\.1 kHz, mono$/);
  const video = { kind: "video", codec: "avc1" };
  assert.equal(probeText({ tracks: [video], warnings: [], picture: "data:", took_ms: 850 }), "The camera answered in 850 ms.");
  assert.match(probeText({ tracks: [video], warnings: [], picture: null, took_ms: 850 }), /no picture/);
  const rtp = { transport: "udp", packets: 12_345, packets_lost: 2, packets_dropped: 0, warning: null };
  assert.equal(packetsText(rtp), "12,345 packets over UDP, 2 lost");
});
