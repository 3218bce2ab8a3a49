import assert from "node:assert/strict";
import test from "node:test";
import { cadenceOf, distanceFromEdge, withCadence } from "../src/player/cadence";
import { codecNames, whyUnplayable } from "../src/player/codecs";
import { endInstant, instantAt, positionOf } from "../src/player/mapping";

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

const LIVE = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1.00000,\na\n#EXTINF:1.96000,\nb\n";

test("a live playlist's cadence is its longest new segment", () => {
  assert.equal(cadenceOf(LIVE), 1.96);
  assert.match(withCadence(LIVE, 1.96), /^#EXT-X-TARGETDURATION:2$/m);
  assert.match(withCadence(LIVE, 0.2), /^#EXT-X-TARGETDURATION:1$/m);
  assert.ok(distanceFromEdge(1) < 3 && distanceFromEdge(1) > 1);
});

test("finished and empty playlists keep their own", () => {
  assert.equal(cadenceOf(`${LIVE}#EXT-X-ENDLIST\n`), null);
  assert.equal(cadenceOf("#EXTM3U\n#EXT-X-TARGETDURATION:10\n"), null);
});

test("a codec that cannot be played is named", () => {
  const chromium = (type) => !/hvc1|hev1/.test(type);
  assert.equal(whyUnplayable("avc1.64001f,mp4a.40.2", chromium), null);
  assert.match(whyUnplayable("hvc1.1.6.L93.B0,mp4a.40.2", chromium), /^This browser cannot decode H\.265 \(HEVC\) \(hvc1\.1\.6\.L93\.B0\)\.$/);
  assert.match(whyUnplayable("avc1.64001f", null), /MediaSource/);
  assert.equal(codecNames("avc1.64001f,mp4a.40.2"), "H.264 + AAC");
});
