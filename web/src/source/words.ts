// What a source does, in words.
import type { Probe, Rtp, Source, Track } from "../api/types";
import { codecName } from "../player/codecs";
import { SECOND, duration } from "../time/format";

const STATES: Record<Source["state"], string> = {
  stopped: "Stopped",
  connecting: "Connecting",
  recording: "Recording",
  waiting: "Waiting",
};

/** `Waiting: attempt 4 in 12 s`. */
export function stateText(source: Source, nowMs: number): string {
  const state = STATES[source.state] ?? source.state;
  const sinceMs = nowMs - source.since_ms;
  if (source.state === "recording" && sinceMs >= SECOND) return `${state} for ${duration(sinceMs)}`;
  if (source.state !== "waiting" || source.next_try_ms === null) return state;
  const inMs = source.next_try_ms - nowMs;
  const when = inMs < SECOND ? "now" : `in ${duration(Math.ceil(inMs / SECOND) * SECOND)}`;
  return `${state}: attempt ${source.attempts + 1} ${when}`;
}

/** `H.264, 1280 × 720` or `AAC, 48 kHz, stereo`. */
export function trackText(track: Track): string {
  const facts = [codecName(track.codec)];
  if (track.width && track.height) facts.push(`${track.width} × ${track.height}`);
  if (track.sample_rate) facts.push(`${track.sample_rate / 1000} kHz`);
  if (track.channels) facts.push({ 1: "mono", 2: "stereo" }[track.channels] ?? `${track.channels} channels`);
  return facts.join(", ");
}

/** What came of a test in one line. */
export function probeText(probe: Probe): string {
  const video = probe.tracks.some((track) => track.kind === "video");
  const without = video && probe.picture === null ? ", but no picture of it could be made" : "";
  return `The camera answered in ${duration(probe.took_ms)}${without}.`;
}

/** How many packets came and were lost. */
export function packetsText({ transport, packets, packets_lost: lost, packets_dropped: dropped }: Rtp): string {
  const count = (value: number) => value.toLocaleString("en");
  const said = [`${count(packets)} packets over ${transport.toUpperCase()}`];
  if (lost > 0) said.push(`${count(lost)} lost`);
  if (dropped > 0) said.push(`${count(dropped)} of no use`);
  return said.join(", ");
}
