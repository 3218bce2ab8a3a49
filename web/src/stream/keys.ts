// What the keyboard does on the stream page: one table for the listener and for the help.

export interface Actions {
  toggle(): void;
  nudge(ms: number): void;
  step(direction: 1 | -1): void;
  gap(direction: 1 | -1): void;
  live(): void;
  goTo(): void;
  markIn(): void;
  markOut(): void;
  exportRange(): void;
  still(): void;
  zoom(factor: number): void;
  fullscreen(): void;
  mute(): void;
  help(): void;
}

interface Key {
  /** `KeyboardEvent.key`, lower case; `shift+` where Shift decides. */
  keys: string[];
  shown: string;
  what: string;
  run: (actions: Actions) => void;
}

export const KEYS: Key[] = [
  { keys: [" ", "k"], shown: "Space K", what: "Play or pause", run: (a) => a.toggle() },
  { keys: ["j"], shown: "J", what: "Ten seconds back", run: (a) => a.nudge(-10_000) },
  { keys: ["l"], shown: "L", what: "Ten seconds ahead", run: (a) => a.nudge(10_000) },
  { keys: ["arrowleft"], shown: "←", what: "One second back", run: (a) => a.nudge(-1000) },
  { keys: ["arrowright"], shown: "→", what: "One second ahead", run: (a) => a.nudge(1000) },
  { keys: [","], shown: ",", what: "One frame back", run: (a) => a.step(-1) },
  { keys: ["."], shown: ".", what: "One frame ahead", run: (a) => a.step(1) },
  { keys: ["shift+arrowleft"], shown: "Shift ←", what: "End of the gap before", run: (a) => a.gap(-1) },
  { keys: ["shift+arrowright"], shown: "Shift →", what: "End of the next gap", run: (a) => a.gap(1) },
  { keys: ["home", "n"], shown: "Home N", what: "Live", run: (a) => a.live() },
  { keys: ["g"], shown: "G", what: "Go to a time", run: (a) => a.goTo() },
  { keys: ["i"], shown: "I", what: "Mark the beginning of a range", run: (a) => a.markIn() },
  { keys: ["o"], shown: "O", what: "Mark the end of a range", run: (a) => a.markOut() },
  { keys: ["e"], shown: "E", what: "Export the marked range", run: (a) => a.exportRange() },
  { keys: ["s"], shown: "S", what: "Save the picture on screen", run: (a) => a.still() },
  { keys: ["+", "="], shown: "+", what: "Zoom the timeline in", run: (a) => a.zoom(0.5) },
  { keys: ["-"], shown: "−", what: "Zoom the timeline out", run: (a) => a.zoom(2) },
  { keys: ["f"], shown: "F", what: "Full screen", run: (a) => a.fullscreen() },
  { keys: ["m"], shown: "M", what: "Sound on or off", run: (a) => a.mute() },
  { keys: ["?"], shown: "?", what: "This list", run: (a) => a.help() },
];

const TYPES_TEXT = "input:not([type=range]), select, textarea, [contenteditable]";
const PRESSED_BY_SPACE = "button, a, summary";

/** What a key press means here; null when it belongs to something else. */
export function keyFor(event: KeyboardEvent): Key | null {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return null;
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest(TYPES_TEXT) || document.querySelector("dialog[open]")) return null;
  if (event.key === " " && target?.closest(PRESSED_BY_SPACE)) return null;
  const key = event.key.toLowerCase();
  const name = event.shiftKey && key.startsWith("arrow") ? `shift+${key}` : key;
  return KEYS.find((candidate) => candidate.keys.includes(name)) ?? null;
}
