import type { RefObject } from "preact";
import type { PlayerState } from "../player/transport";
import type { StillsPlayer } from "../player/stills-player";
import { Store, useStore } from "../store";

interface Props {
  video: RefObject<HTMLVideoElement | null>;
  state: PlayerState;
  stills: StillsPlayer | null;
  reason: string | null;
  live: boolean;
  /** The server does not answer right now. */
  offline: boolean;
  /** Addresses of what can be had instead of playback. */
  clipHref: string | null;
  clipTitle: string;
  stillHref: string | null;
  onToggle: () => void;
  onRetry: () => void;
}

const NO_PICTURE = new Store<string | null>(null);

/** The picture: the video element, or stills with an honest word on why. */
export function Stage({ video, state, stills, reason, live, offline, clipHref, clipTitle, stillHref, onToggle, onRetry }: Props) {
  const picture = useStore(stills?.picture ?? NO_PICTURE);
  return (
    <div class="stage">
      <video ref={video} playsInline muted hidden={stills !== null} aria-label="Player" onClick={onToggle} />
      {stills && (picture ? <img class="still" src={picture} alt="Still picture at the playing instant" /> : <div class="still" />)}
      {stills && reason && (
        <div class="honest" role="note">
          <p>
            <strong>{reason}</strong> So these are stills made by the server, about one a second. The recording itself is
            complete:
          </p>
          <p class="honest-links">
            {clipHref && (
              <a class="button" href={clipHref} download>
                {clipTitle}
              </a>
            )}
            {stillHref && (
              <a class="button" href={stillHref} download>
                Save this still
              </a>
            )}
          </p>
        </div>
      )}
      <StageMessage state={state} live={live} offline={offline} onRetry={onRetry} />
    </div>
  );
}

type MessageProps = Pick<Props, "state" | "live" | "offline" | "onRetry">;

function StageMessage({ state, live, offline, onRetry }: MessageProps) {
  const text = messageOf(state.status, live, offline);
  if (text === "" && !state.error) return null;
  return (
    <div class={`stage-message ${state.status}`} role="status">
      {text && <p>{text}</p>}
      {state.error && state.status !== "loading" && <p class="detail">{state.error.message}</p>}
      {state.status === "failed" && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

function messageOf(status: PlayerState["status"], live: boolean, offline: boolean): string {
  switch (status) {
    case "loading":
      return "Loading…";
    case "waiting":
      if (offline) return "The server does not answer; trying again…";
      return live ? "Waiting for the next fragment…" : "The camera is not sending; waiting…";
    case "ended":
      return "The recording ends here.";
    case "failed":
      return "Playback stopped.";
    default:
      return "";
  }
}
