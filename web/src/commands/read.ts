// The curl commands for what is on screen.
import { rfc3339 } from "../api/client";
import { streamHref } from "../router";
import type { Command } from "./push";

export interface OnScreen {
  origin: string;
  stream: string;
  accessKeyId: string;
  viewFromMs: number;
  viewToMs: number;
  instantMs: number | null;
  selection: { fromMs: number; toMs: number } | null;
}

const SIGNED = 'curl -sS -u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"';
const DEFAULT_CLIP_MS = 30_000;

export function readCommands(shown: OnScreen): Command[] {
  const base = `${shown.origin}/v1/video/${encodeURIComponent(shown.stream)}`;
  const at = shown.instantMs ?? shown.viewToMs;
  const range = shown.selection ?? { fromMs: at - DEFAULT_CLIP_MS, toMs: at };
  const span = `from=${rfc3339(range.fromMs)}&to=${rfc3339(range.toMs)}`;
  const view = `from=${rfc3339(shown.viewFromMs)}&to=${rfc3339(shown.viewToMs)}`;
  const which = shown.selection ? "the marked range" : "the last 30 seconds up to the picture on screen";
  return [
    {
      title: "Sign in once per shell",
      text: `export AWS_ACCESS_KEY_ID='${shown.accessKeyId}'\nread -rs AWS_SECRET_ACCESS_KEY && export AWS_SECRET_ACCESS_KEY`,
    },
    { title: "This stream", text: `${SIGNED} "${base}"` },
    { title: "What is recorded in the piece of time on screen", text: `${SIGNED} "${base}/timeline?${view}"` },
    { title: "Its fragments", text: `${SIGNED} "${base}/fragments?${view}&limit=100"` },
    { title: "The picture on screen", text: `${SIGNED} -o still.jpg "${base}/frame.jpg?at=${rfc3339(at)}&mode=exact"` },
    { title: `A clip of ${which}`, text: `${SIGNED} -o clip.mp4 "${base}/clip.mp4?${span}"` },
    { title: `Frames of ${which}, two a second`, text: `${SIGNED} -o frames.tar "${base}/frames.tar?${span}&fps=2"` },
    { title: "This page at this instant", text: `${shown.origin}/${streamHref(shown.stream, at)}` },
    { title: "Everything from here into the live edge", text: `${SIGNED} -N "${base}/media.mp4?from=${rfc3339(at)}" | ffplay -` },
  ];
}
