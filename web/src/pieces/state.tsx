import type { VideoInfo } from "../api/types";

const WORDS = { live: "Live", idle: "Idle", empty: "Empty" } as const;

/** The state as a dot whose shape says it too, and as a word. */
export function State({ state }: { state: VideoInfo["state"] }) {
  return (
    <span class={`state ${state}`}>
      <svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
        {state === "live" ? <circle cx="5" cy="5" r="4.2" /> : <circle cx="5" cy="5" r="3.4" class="hollow" />}
        {state === "idle" && <path d="M2 5h6" />}
      </svg>
      {WORDS[state]}
    </span>
  );
}

/** Width × height, or null. */
export function resolutionOf(info: VideoInfo): string | null {
  return info.width && info.height ? `${info.width} × ${info.height}` : null;
}
