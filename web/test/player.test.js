import assert from "node:assert/strict";
import test from "node:test";
import { codecNames, whyUnplayable } from "../src/player/codecs";
import { endInstant, instantAt, positionOf } from "../src/player/mapping";
import { adapt, distanceFromEdge } from "../src/player/playlist";

// Two pieces, then a hole of a minute on the wall clock, then a third. The player's own time has no hole.
const PIECES = [
  { start: 0, duration: 2, programDateTime: 1_000_000 },
  { start: 2, duration: 2, programDateTime: 1_002_000 },
  { start: 4, duration: 2, programDateTime: 1_064_000 },
];

test("player time and instants map onto each other across a hole", () => {
  assert.equal(instantAt(PIECES, 0.5), 1_000_500);
  assert.equal(instantAt(PIECES, 5), 1_065_000);
  assert.equal(positionOf(PIECES, 1_003_000), 3);
  assert.equal(positionOf(PIECES, 1_065_500), 5.5);
  assert.equal(positionOf(PIECES, 1_030_000), 4, "an instant in the hole goes to what follows");
  assert.equal(endInstant(PIECES), 1_066_000);
});

test("what the playlist does not hold has no position", () => {
  assert.equal(positionOf(PIECES, 999_999), null);
  assert.equal(positionOf(PIECES, 1_066_000), null);
  assert.equal(positionOf([], 1), null);
  assert.equal(instantAt([], 1), null);
  assert.equal(instantAt([{ start: 0, duration: 1, programDateTime: null }], 0), null);
});

// Three one-second segments of one camera, a break, then two two-second ones with other tracks.
const T0 = Date.parse("2026-11-22T10:00:00Z");
const segment = (number, offsetMs, seconds) =>
  `#EXT-X-PROGRAM-DATE-TIME:${new Date(T0 + offsetMs).toISOString()}\n#EXTINF:${seconds.toFixed(3)},\n../segment/${number}.m4s\n`;
const HEAD = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:2\n";
const MAP_A = '#EXT-X-MAP:URI="../init/a.mp4"\n';
const MAP_B = '#EXT-X-MAP:URI="../init/b.mp4"\n';
const FIRST = MAP_A + segment(10, 0, 1) + segment(11, 1000, 1) + segment(12, 2000, 1);
const SECOND = `#EXT-X-DISCONTINUITY\n${MAP_B}${segment(20, 60_000, 2)}${segment(21, 62_000, 2)}`;
const LIVE = HEAD + FIRST + SECOND;

test("a live playlist is given the camera's rhythm", () => {
  const { text, cadenceS } = adapt(HEAD + FIRST, null, null);
  assert.equal(cadenceS, 1);
  assert.match(text, /^#EXT-X-TARGETDURATION:1$/m);
  assert.match(text, /^#EXT-X-MEDIA-SEQUENCE:7$/m);
  assert.doesNotMatch(text, /EXT-X-START|ENDLIST/);
  assert.ok(distanceFromEdge(1) < 3 && distanceFromEdge(1) > 1);
});

test("finished playlists keep their rhythm, and begin at the wanted instant", () => {
  const { text, cadenceS } = adapt(`${HEAD}#EXT-X-PLAYLIST-TYPE:VOD\n${FIRST}#EXT-X-ENDLIST\n`, T0 + 1500, T0 + 1500);
  assert.equal(cadenceS, null);
  assert.match(text, /^#EXT-X-TARGETDURATION:10$/m);
  assert.match(text, /^#EXT-X-START:TIME-OFFSET=1\.500,PRECISE=YES$/m);
  assert.equal(text.match(/#EXT-X-ENDLIST/g).length, 1);
  assert.ok(text.indexOf("EXT-X-START") < text.indexOf("EXTINF"));
});

test("live playlists are cut to the newest tracks, and their numbers move along", () => {
  const { text, cadenceS, anchorMs } = adapt(LIVE, null, null);
  assert.deepEqual(text.match(/segment\/\d+/g), ["segment/20", "segment/21"]);
  assert.match(text, /^#EXT-X-MEDIA-SEQUENCE:10$/m);
  assert.match(text, /^#EXT-X-DISCONTINUITY-SEQUENCE:3$/m);
  assert.doesNotMatch(text, /#EXT-X-DISCONTINUITY$|a\.mp4|ENDLIST/m);
  assert.equal(cadenceS, 2);
  assert.equal(anchorMs, T0 + 62_000);
});

test("a player that is still at the old tracks gets them to their end", () => {
  const before = adapt(HEAD + FIRST, null, null);
  const after = adapt(LIVE, before.anchorMs, null);
  assert.deepEqual(after.text.match(/segment\/\d+/g), ["segment/10", "segment/11", "segment/12"]);
  assert.match(after.text, /#EXT-X-ENDLIST/);
  assert.match(after.text, /^#EXT-X-MEDIA-SEQUENCE:7$/m);
});

test("an instant in a hole begins with what follows, after what is cut away", () => {
  const { text } = adapt(LIVE, T0 + 30_000, T0 + 30_000);
  assert.deepEqual(text.match(/segment\/\d+/g), ["segment/20", "segment/21"]);
  assert.match(text, /TIME-OFFSET=0\.000/);
});

test("breaks with the same initialisation stay in one playlist", () => {
  const same = HEAD + FIRST + SECOND.replace(MAP_B, MAP_A);
  const { text } = adapt(same, T0 + 500, T0 + 61_000);
  assert.equal(text.match(/segment\//g).length, 5);
  assert.match(text, /^#EXT-X-DISCONTINUITY$/m);
  assert.match(text, /TIME-OFFSET=4\.000/);
});

test("a multivariant playlist no longer speaks of codecs", () => {
  const { text } = adapt('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.64001f,hvc1.1.6.L93.B0",FRAME-RATE=25\nlive/media.m3u8\n', null, null);
  assert.equal(text, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,FRAME-RATE=25\nlive/media.m3u8\n");
});

test("parts of an unfinished fragment are left alone", () => {
  const part = '#EXT-X-PART:DURATION=0.2,URI="p"';
  assert.ok(adapt(`${HEAD}${FIRST}${part}\n`, null, null).text.includes(part));
});

test("a codec that cannot be played is named", () => {
  const chromium = (type) => !/hvc1|hev1/.test(type);
  assert.equal(whyUnplayable("avc1.64001f,mp4a.40.2", chromium), null);
  assert.match(whyUnplayable("hvc1.1.6.L93.B0,mp4a.40.2", chromium), /^This browser cannot decode H\.265 \(HEVC\) \(hvc1\.1\.6\.L93\.B0\)\.$/);
  assert.match(whyUnplayable("avc1.64001f", null), /MediaSource/);
  assert.equal(codecNames("avc1.64001f,mp4a.40.2"), "H.264 + AAC");
});
