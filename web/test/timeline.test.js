import assert from "node:assert/strict";
import test from "node:test";
import { gapAt, neighbourGap, recordedFrom, recordedWithin, spanAt, splice, stepRecorded } from "../src/timeline/coverage";
import { SPAN_MIN_MS, clampView, msAt, reveal, spanOf, ticksOf, viewOfLast, xOf, zoomView } from "../src/timeline/scale";

const HOUR = 3_600_000;
const LIMITS = { startMs: 0, endMs: 24 * HOUR };
const view = (startMs, endMs) => ({ startMs, endMs });
const span = (start_ms, end_ms) => ({ start_ms, end_ms });
const gap = (start_ms, end_ms, reason = "camera_disconnected") => ({ start_ms, end_ms, reason });

test("instants and pixels map onto each other", () => {
  const hour = view(HOUR, 2 * HOUR);
  assert.equal(xOf(hour, 600, 1.5 * HOUR), 300);
  assert.equal(msAt(hour, 600, 300), 1.5 * HOUR);
  for (const ms of [HOUR, 1.2 * HOUR, 2 * HOUR]) assert.ok(Math.abs(msAt(hour, 777, xOf(hour, 777, ms)) - ms) < 1e-3);
});

test("zooming keeps what is under the pointer, until a limit is met", () => {
  const before = view(10 * HOUR, 14 * HOUR);
  const anchor = 11 * HOUR;
  const after = zoomView(before, 0.5, anchor, LIMITS);
  assert.equal(spanOf(after), 2 * HOUR);
  assert.ok(Math.abs(xOf(after, 1000, anchor) - xOf(before, 1000, anchor)) < 1e-6);
  assert.equal(spanOf(zoomView(before, 1e-9, anchor, LIMITS)), SPAN_MIN_MS);
  const whole = zoomView(before, 1e9, anchor, LIMITS);
  assert.ok(whole.startMs <= 0 && whole.endMs >= 24 * HOUR);
});

test("a view never leaves the footage, but has room right of the live edge", () => {
  const late = clampView(view(23 * HOUR, 30 * HOUR), LIMITS);
  assert.ok(late.endMs > 24 * HOUR && late.endMs < 24.5 * HOUR);
  assert.ok(Math.abs(spanOf(late) - 7 * HOUR) < 1);
  assert.equal(clampView(view(-5 * HOUR, 1 * HOUR), LIMITS).startMs, 0);
  const last = viewOfLast(HOUR, LIMITS);
  assert.ok(last.startMs >= 23 * HOUR - 1 && last.endMs > 24 * HOUR);
});

test("a view survives a stream that has only just begun", () => {
  const tiny = { startMs: 1000, endMs: 1000 };
  const shown = clampView(view(0, HOUR), tiny);
  assert.ok(Number.isFinite(shown.startMs) && spanOf(shown) >= SPAN_MIN_MS);
});

test("a playhead outside is brought to the middle, one inside moves nothing", () => {
  const shown = view(10 * HOUR, 12 * HOUR);
  assert.equal(reveal(shown, 11 * HOUR, LIMITS), shown);
  const moved = reveal(shown, 5 * HOUR, LIMITS);
  assert.equal((moved.startMs + moved.endMs) / 2, 5 * HOUR);
});

test("ticks stand on round times and carry the date at midnight", () => {
  const day = ticksOf(view(Date.parse("2026-11-21T20:30:00Z"), Date.parse("2026-11-22T04:30:00Z")), 800, "utc");
  assert.deepEqual(
    day.map((tick) => tick.label),
    ["21:00", "22:00", "23:00", "22 Nov", "01:00", "02:00", "03:00", "04:00"],
  );
  assert.deepEqual(day.filter((tick) => tick.major).map((tick) => tick.label), ["22 Nov"]);
  const seconds = ticksOf(view(1_000_000, 1_020_000), 400, "utc");
  assert.ok(seconds.every((tick) => tick.ms % 5000 === 0 && /^\d\d:\d\d:\d\d$/.test(tick.label)));
});

test("an answer replaces exactly its range and joins what touches", () => {
  const known = { spans: [span(0, 100), span(200, 300)], gaps: [gap(100, 200)] };
  const grown = splice(known, { from_ms: 250, to_ms: 400, spans: [span(250, 390)], gaps: [] });
  assert.deepEqual(grown.spans, [span(0, 100), span(200, 390)]);
  assert.deepEqual(grown.gaps, [gap(100, 200)]);
  const filled = splice(known, { from_ms: 50, to_ms: 250, spans: [span(50, 250)], gaps: [] });
  assert.deepEqual(filled, { spans: [span(0, 300)], gaps: [] });
  const holed = splice(known, { from_ms: 50, to_ms: 90, spans: [span(50, 60)], gaps: [gap(60, 90, "no_data")] });
  assert.deepEqual(holed.spans, [span(0, 60), span(90, 100), span(200, 300)]);
  assert.deepEqual(holed.gaps, [gap(60, 90, "no_data"), gap(100, 200)]);
});

test("gaps cut by an answer's border become one again", () => {
  const known = { spans: [span(0, 100), span(200, 300)], gaps: [gap(100, 200)] };
  const cut = splice(known, { from_ms: 150, to_ms: 300, spans: [span(200, 300)], gaps: [gap(150, 200)] });
  assert.deepEqual(cut, known);
});

test("lookups in the coverage", () => {
  const coverage = { spans: [span(0, 100), span(200, 300)], gaps: [gap(100, 200)] };
  assert.equal(spanAt(coverage, 100), null);
  assert.equal(gapAt(coverage, 100).reason, "camera_disconnected");
  assert.equal(recordedFrom(coverage, 50), 50);
  assert.equal(recordedFrom(coverage, 150), 200);
  assert.equal(recordedFrom(coverage, 300), null);
  assert.equal(recordedWithin(coverage, 50, 250), 100);
});

test("steps count footage, not holes", () => {
  const coverage = { spans: [span(0, 10_000), span(60_000, 90_000)], gaps: [gap(10_000, 60_000)] };
  assert.equal(stepRecorded(coverage, 70_000, -5_000), 65_000);
  assert.equal(stepRecorded(coverage, 62_000, -5_000), 7_000, "back across the gap");
  assert.equal(stepRecorded(coverage, 60_000, -10_000), 0);
  assert.equal(stepRecorded(coverage, 5_000, -10_000), 0, "not before the first picture");
  assert.equal(stepRecorded(coverage, 9_000, 5_000), 64_000, "ahead across the gap");
  assert.equal(stepRecorded(coverage, 89_000, 10_000), 99_000, "ahead into what the poll has not brought yet");
  assert.equal(stepRecorded({ spans: [], gaps: [] }, 5_000, 1_000), 6_000);
});

test("the neighbouring gap is found from both sides", () => {
  const coverage = {
    spans: [span(0, 10_000), span(20_000, 30_000), span(40_000, 50_000)],
    gaps: [gap(10_000, 20_000), gap(30_000, 40_000)],
  };
  assert.equal(neighbourGap(coverage, 5_000, 1), 20_000);
  assert.equal(neighbourGap(coverage, 20_500, 1), 40_000);
  assert.equal(neighbourGap(coverage, 45_000, 1), null);
  assert.equal(neighbourGap(coverage, 45_000, -1), 40_000);
  assert.equal(neighbourGap(coverage, 40_500, -1), 20_000, "right after a gap, the one before it");
});
