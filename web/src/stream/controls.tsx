import { Icon } from "../pieces/icons";
import type { PlayerState } from "../player/transport";
import { type Zone, age, clockTime, isoDate, zoneName } from "../time/format";
import type { Actions } from "./keys";

interface Props {
  state: PlayerState;
  actions: Actions;
  live: boolean;
  /** Stills have neither sound nor single frames to step through. */
  stills: boolean;
  zone: Zone;
  onRate: (rate: number) => void;
}

const RATES = [0.25, 0.5, 1, 2, 4, 8];

export function Controls({ state, actions, live, stills, zone, onRate }: Props) {
  const running = state.status !== "paused" && state.status !== "ended" && state.status !== "failed";
  return (
    <div class="controls" role="group" aria-label="Player">
      <div class="buttons">
        <button type="button" class="round" aria-label={running ? "Pause" : "Play"} title={running ? "Pause (space)" : "Play (space)"} onClick={() => actions.toggle()}>
          <Icon name={running ? "pause" : "play"} />
        </button>
        <button type="button" aria-label="Ten seconds back" title="Ten seconds back (J)" onClick={() => actions.nudge(-10_000)}>
          <Icon name="back" />
        </button>
        <button type="button" aria-label="Ten seconds ahead" title="Ten seconds ahead (L)" onClick={() => actions.nudge(10_000)}>
          <Icon name="ahead" />
        </button>
        {!stills && (
          <>
            <button type="button" class="wide-only" aria-label="One frame back" title="One frame back (,)" onClick={() => actions.step(-1)}>
              <Icon name="stepBack" />
            </button>
            <button type="button" class="wide-only" aria-label="One frame ahead" title="One frame ahead (.)" onClick={() => actions.step(1)}>
              <Icon name="stepAhead" />
            </button>
          </>
        )}
      </div>
      <LiveButton state={state} live={live} onClick={() => actions.live()} />
      <Readout instantMs={state.instantMs} zone={zone} />
      <div class="buttons end">
        <label class="rate">
          <span class="visually-hidden">Speed</span>
          <select value={state.rate} disabled={state.mode === "live"} onChange={(event) => onRate(Number(event.currentTarget.value))}>
            {RATES.map((rate) => (
              <option key={rate} value={rate}>
                {rate}×
              </option>
            ))}
          </select>
        </label>
        {!stills && (
          <button type="button" aria-label="Sound" aria-pressed={!state.muted} title="Sound (M)" onClick={() => actions.mute()}>
            <Icon name={state.muted ? "muted" : "sound"} />
          </button>
        )}
        <button type="button" aria-label="Go to a time" title="Go to a time (G)" onClick={() => actions.goTo()}>
          <Icon name="clock" />
        </button>
        <button type="button" aria-label="Save this picture" title="Save this picture (S)" onClick={() => actions.still()}>
          <Icon name="still" />
        </button>
        <button type="button" aria-label="Full screen" title="Full screen (F)" onClick={() => actions.fullscreen()}>
          <Icon name="fullscreen" />
        </button>
        <button type="button" class="wide-only" aria-label="Keyboard" title="Keyboard (?)" onClick={() => actions.help()}>
          <Icon name="help" />
        </button>
      </div>
    </div>
  );
}

/** Says how far behind now the picture is, and goes to the live edge. */
function LiveButton({ state, live, onClick }: { state: PlayerState; live: boolean; onClick: () => void }) {
  const { latencyS, mode } = state;
  const following = mode === "live" && live;
  const behind = latencyS === null ? "" : following ? `${latencyS.toFixed(1)} s` : `−${age(latencyS * 1000)}`;
  const shown = [live ? "LIVE" : "NEWEST", behind].filter(Boolean).join(" ");
  // It begins with what is to be seen, so that who speaks to the browser can say it.
  const spoken = following
    ? `${shown} behind`
    : `${shown}: ${live ? "go to the live edge" : "the camera is not live; go to the newest footage"}`;
  return (
    <button type="button" class={`live-button${following ? " following" : ""}`} aria-label={spoken} title={`${spoken} (N)`} onClick={onClick}>
      <span class="live-dot" aria-hidden="true" />
      <span>{live ? "LIVE" : "NEWEST"}</span>
      <span class="latency"> {behind}</span>
    </button>
  );
}

/** The wall clock of the picture on screen. */
function Readout({ instantMs, zone }: { instantMs: number | null; zone: Zone }) {
  if (instantMs === null) return <p class="readout">–</p>;
  return (
    <p class="readout">
      <time dateTime={new Date(instantMs).toISOString()}>
        <span class="date">{isoDate(instantMs, zone)}</span> {clockTime(instantMs, zone, true)}
      </time>{" "}
      <small>{zoneName(instantMs, zone)}</small>
    </p>
  );
}
