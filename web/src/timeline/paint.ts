// Draws the timeline. Colours come from the style sheet, so that dark and light need no second place.
import type { Zone } from "../time/format";
import { type Coverage, isLoss } from "./coverage";
import { type View, ticksOf, xOf } from "./scale";

export interface Range {
  fromMs: number;
  toMs: number;
}

export interface Scene {
  view: View;
  zone: Zone;
  coverage: Coverage;
  /** Where the footage ends; null when there is none. */
  edgeMs: number | null;
  live: boolean;
  playheadMs: number | null;
  hoverMs: number | null;
  selection: Range | null;
}

export interface Palette {
  text: string;
  faint: string;
  line: string;
  track: string;
  recorded: string;
  gap: string;
  live: string;
  accent: string;
  selection: string;
}

/** Rows of the canvas, in CSS pixels. */
export const ROWS = { axis: 22, bandTop: 26, bandHeight: 30, height: 64 };

/** A live camera's coverage is polled; up to this much of it is drawn ahead of the answer. */
const AHEAD_MS = 20_000;

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim() || "#888";
  return {
    text: colour("text"),
    faint: colour("text-faint"),
    line: colour("line"),
    track: colour("track"),
    recorded: colour("recorded"),
    gap: colour("gap"),
    live: colour("live"),
    accent: colour("accent"),
    selection: colour("selection"),
  };
}

export function paint(context: CanvasRenderingContext2D, width: number, scene: Scene, palette: Palette): void {
  context.clearRect(0, 0, width, ROWS.height);
  paintAxis(context, width, scene, palette);
  paintBand(context, width, scene, palette);
  if (scene.selection) paintSelection(context, width, scene.view, scene.selection, palette);
  paintLiveEdge(context, width, scene, palette);
  if (scene.hoverMs !== null) {
    const x = Math.round(xOf(scene.view, width, scene.hoverMs)) + 0.5;
    context.fillStyle = palette.faint;
    context.fillRect(x, ROWS.axis, 1, ROWS.height - ROWS.axis);
  }
  if (scene.playheadMs !== null) paintPlayhead(context, xOf(scene.view, width, scene.playheadMs), palette);
}

function paintAxis(context: CanvasRenderingContext2D, width: number, scene: Scene, palette: Palette): void {
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (const tick of ticksOf(scene.view, width, scene.zone)) {
    const x = Math.round(xOf(scene.view, width, tick.ms));
    context.fillStyle = palette.line;
    context.fillRect(x, ROWS.axis - 4, 1, ROWS.height - ROWS.axis + 4);
    context.fillStyle = tick.major ? palette.text : palette.faint;
    const labelWidth = context.measureText(tick.label).width;
    const left = Math.min(Math.max(x - labelWidth / 2, 2), width - labelWidth - 2);
    context.fillText(tick.label, left, 9);
  }
}

function paintBand(context: CanvasRenderingContext2D, width: number, scene: Scene, palette: Palette): void {
  const { view, coverage, edgeMs } = scene;
  const { bandTop, bandHeight } = ROWS;
  context.fillStyle = palette.track;
  context.fillRect(0, bandTop, width, bandHeight);
  for (const [index, span] of coverage.spans.entries()) {
    const isLast = index === coverage.spans.length - 1;
    const grows = scene.live && isLast && edgeMs !== null && edgeMs - span.end_ms < AHEAD_MS;
    const endMs = grows ? Math.max(edgeMs, span.end_ms) : span.end_ms;
    if (endMs < view.startMs || span.start_ms > view.endMs) continue;
    const x = Math.max(0, xOf(view, width, span.start_ms));
    const right = Math.min(width, xOf(view, width, endMs));
    context.fillStyle = palette.recorded;
    context.fillRect(x, bandTop, Math.max(1, right - x), bandHeight);
  }
  for (const gap of coverage.gaps.filter(isLoss)) {
    if (gap.end_ms < view.startMs || gap.start_ms > view.endMs) continue;
    const x = Math.max(0, xOf(view, width, gap.start_ms));
    const right = Math.min(width, xOf(view, width, gap.end_ms));
    paintHatching(context, x, Math.max(2, right - x), palette.gap);
  }
}

/** Gaps are hatched, so that they are told apart without colour. */
function paintHatching(context: CanvasRenderingContext2D, x: number, width: number, colour: string): void {
  const { bandTop, bandHeight } = ROWS;
  context.save();
  context.beginPath();
  context.rect(x, bandTop, width, bandHeight);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  for (let left = Math.floor(x / 7) * 7 - bandHeight; left < x + width; left += 7) {
    context.moveTo(left, bandTop + bandHeight);
    context.lineTo(left + bandHeight, bandTop);
  }
  context.stroke();
  context.restore();
  context.fillStyle = colour;
  context.fillRect(x, bandTop + bandHeight - 2, width, 2);
}

function paintSelection(
  context: CanvasRenderingContext2D,
  width: number,
  view: View,
  selection: Range,
  palette: Palette,
): void {
  const left = xOf(view, width, selection.fromMs);
  const right = xOf(view, width, selection.toMs);
  const top = ROWS.bandTop - 3;
  const height = ROWS.bandHeight + 6;
  context.fillStyle = palette.selection;
  context.fillRect(left, top, Math.max(1, right - left), height);
  context.fillStyle = palette.accent;
  context.fillRect(left, top, Math.max(1, right - left), 2);
  context.fillRect(left, top + height - 2, Math.max(1, right - left), 2);
  for (const x of [left, right]) context.fillRect(x - 1.5, top, 3, height);
}

function paintLiveEdge(context: CanvasRenderingContext2D, width: number, scene: Scene, palette: Palette): void {
  if (scene.edgeMs === null || !scene.live) return;
  const x = xOf(scene.view, width, scene.edgeMs);
  if (x < 0 || x > width) return;
  context.fillStyle = palette.live;
  context.fillRect(x - 1, ROWS.bandTop, 2, ROWS.bandHeight);
  context.beginPath();
  context.arc(x, ROWS.bandTop + ROWS.bandHeight / 2, 4, 0, 2 * Math.PI);
  context.fill();
}

function paintPlayhead(context: CanvasRenderingContext2D, at: number, palette: Palette): void {
  const x = Math.round(at);
  context.fillStyle = palette.text;
  context.fillRect(x - 1, ROWS.axis - 4, 2, ROWS.height - ROWS.axis + 4);
  context.beginPath();
  context.moveTo(x - 6, ROWS.axis - 8);
  context.lineTo(x + 6, ROWS.axis - 8);
  context.lineTo(x, ROWS.axis + 1);
  context.fill();
}
