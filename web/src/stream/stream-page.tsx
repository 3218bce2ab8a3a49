import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { PushCommands } from "../commands/push-commands";
import { describeError } from "../api/error";
import { notify } from "../pieces/notice";
import { State } from "../pieces/state";
import { Pictures } from "../player/pictures";
import { FIRST_STATE, type PlayerState } from "../player/transport";
import { type Session, zone as zoneStore } from "../session";
import { Store, useStore } from "../store";
import { neighbourGap, stepRecorded } from "../timeline/coverage";
import { Timeline } from "../timeline/timeline";
import { TimelineView } from "../timeline/view-model";
import { Controls } from "./controls";
import { clipDownload, startDownload, stillDownload } from "./downloads";
import { Facts } from "./facts";
import { Footage } from "./footage";
import { GoTo } from "./go-to";
import { KeyHelp } from "./key-help";
import { type Actions, keyFor } from "./keys";
import { RangePanel } from "./range-panel";
import { Sections } from "./sections";
import { Stage } from "./stage";
import { StillsStrip } from "./stills-strip";
import { TimelineTools } from "./timeline-tools";
import { useRange } from "./use-range";
import { useToken } from "./use-token";
import { useTransport } from "./use-transport";

export interface StreamPageProps {
  session: Session;
  name: string;
  /** An instant to begin at, from a link. */
  atMs: number | null;
}

const VIEW_EVERY_MS = 500;
/** What the fallback offers to download when nothing is marked. */
const CLIP_MS = 60_000;
const NO_STATE = new Store<PlayerState>(FIRST_STATE);

export function StreamPage({ session: { client, tokens }, name, atMs }: StreamPageProps) {
  const footage = useMemo(() => new Footage(client, name), [client, name]);
  const pictures = useMemo(() => new Pictures(client, name), [client, name]);
  const model = useMemo(() => new TimelineView(footage.limits()), [footage]);
  const video = useRef<HTMLVideoElement>(null);
  const viewer = useRef<HTMLDivElement>(null);
  const { transport, stills, reason } = useTransport({ footage, pictures, tokens, video, atMs });
  const state = useStore(transport?.state ?? NO_STATE);
  const info = useStore(footage.info);
  const coverage = useStore(footage.coverage);
  const error = useStore(footage.error);
  const zone = useStore(zoneStore);
  const token = useToken(tokens, name);
  const marks = useRange();
  const [selecting, setSelecting] = useState(false);
  const [dialog, setDialog] = useState<"go-to" | "keys" | null>(null);

  useEffect(() => {
    footage.start();
    return () => {
      footage.stop();
      pictures.close();
    };
  }, [footage, pictures]);
  useTimelineView(footage, model, state.instantMs);

  const live = info?.state === "live";
  const range = marks.range;
  const instantMs = state.instantMs;
  const running = state.status === "playing" || state.status === "loading" || state.status === "waiting";
  const shownMs = () => instantMs ?? footage.edgeMs();

  const actions: Actions = {
    toggle: () => (running ? transport?.pause() : transport?.play()),
    nudge: (ms) => transport?.seek(stepRecorded(coverage, shownMs(), ms)),
    step: (direction) => transport?.step(direction),
    gap: (direction) => {
      const ms = neighbourGap(coverage, shownMs(), direction);
      if (ms === null) notify(direction > 0 ? "No later gap." : "No earlier gap.");
      else transport?.seek(ms);
    },
    live: () => transport?.goLive(),
    goTo: () => setDialog("go-to"),
    markIn: () => marks.markIn(shownMs(), footage.edgeMs()),
    markOut: () => marks.markOut(shownMs()),
    exportRange: () => {
      if (!range) notify("Mark a range first: I and O, or Shift-drag on the timeline.");
      else if (token) startDownload(clipDownload(name, range, token));
    },
    still: () => {
      if (token) startDownload(stillDownload(name, shownMs(), token));
    },
    zoom: (factor) => model.zoom(factor, shownMs()),
    fullscreen: () => void toggleFullscreen(viewer.current!),
    mute: () => transport?.setMuted(!state.muted),
    help: () => setDialog("keys"),
  };
  useKeys(actions, () => marks.set(null));

  if (!info && !error) return <p class="message">Loading…</p>;
  if (!info) {
    return (
      <div class="page">
        <h1>{name}</h1>
        <p class="message error" role="alert">
          {describeError(error)} <a href="#/">All streams</a>
        </p>
      </div>
    );
  }
  if (info.codecs === null) {
    return (
      <div class="page">
        <section class="first-push">
          <h1>
            {name} <State state={info.state} />
          </h1>
          <p>Nothing has been pushed yet. The player opens by itself when the first fragment arrives.</p>
          <PushCommands client={client} stream={name} />
        </section>
        <Sections client={client} footage={footage} info={info} zone={zone} reading={null} onSeek={() => undefined} />
      </div>
    );
  }
  const view = model.view.value;
  const fallback = range ?? { fromMs: shownMs() - CLIP_MS, toMs: shownMs() };
  return (
    <div class="page stream">
      <h1 class="visually-hidden">{name}</h1>
      {error && (
        <p class="message error" role="alert">
          {describeError(error)} What is shown may be old.
        </p>
      )}
      <div class="viewer" ref={viewer}>
        <Stage
          video={video}
          state={state}
          stills={stills}
          reason={reason}
          live={live}
          offline={error !== null}
          clipHref={token && stills && clipDownload(name, fallback, token).href}
          clipTitle={range ? "Download the marked range" : "Download this minute"}
          stillHref={token && stills && stillDownload(name, shownMs(), token).href}
          onToggle={actions.toggle}
          onRetry={() => transport?.play()}
        />
        <Facts footage={footage} zone={zone} />
        <Controls
          state={state}
          actions={actions}
          live={live}
          stills={stills !== null}
          zone={zone}
          onRate={(rate) => transport?.setRate(rate)}
        />
        <Timeline
          footage={footage}
          model={model}
          pictures={pictures}
          zone={zone}
          playheadMs={instantMs}
          selection={range}
          selecting={selecting}
          onSeek={(ms) => transport?.seek(ms)}
          onSelect={marks.set}
        />
        {stills && (
          <StillsStrip footage={footage} model={model} pictures={pictures} zone={zone} onSeek={(ms) => transport?.seek(ms)} />
        )}
        <TimelineTools
          model={model}
          playheadMs={instantMs}
          selecting={selecting}
          onSelecting={setSelecting}
          onMark={(which) => (which === "in" ? actions.markIn() : actions.markOut())}
        />
        {range && (
          <RangePanel
            info={info}
            coverage={coverage}
            range={range}
            token={token}
            zone={zone}
            onPlay={() => {
              transport?.seek(range.fromMs);
              transport?.play();
            }}
            onClear={() => marks.set(null)}
          />
        )}
      </div>
      <Sections
        client={client}
        footage={footage}
        info={info}
        zone={zone}
        reading={{
          origin: location.origin,
          stream: name,
          accessKeyId: client.credentials.id,
          viewFromMs: view.startMs,
          viewToMs: view.endMs,
          instantMs,
          selection: range,
        }}
        onSeek={(ms) => transport?.seek(ms)}
      />
      {dialog === "keys" && <KeyHelp onClose={() => setDialog(null)} />}
      {dialog === "go-to" && (
        <GoTo
          nowMs={footage.nowMs()}
          zone={zone}
          onClose={() => setDialog(null)}
          onGo={(ms) => {
            setDialog(null);
            transport?.seek(ms);
          }}
        />
      )}
    </div>
  );
}

/** Keeps the view in step with time, and with a playhead that leaves it. */
function useTimelineView(footage: Footage, model: TimelineView, playheadMs: number | null): void {
  const info = useStore(footage.info);
  const known = info !== null;
  useEffect(() => {
    if (!known) return undefined;
    const advance = () => model.advance(footage.limits());
    advance();
    model.fit(footage.info.value?.first_ms ?? null);
    const timer = setInterval(advance, VIEW_EVERY_MS);
    return () => clearInterval(timer);
  }, [footage, model, known]);
  const before = useRef<number | null>(null);
  useEffect(() => {
    const { startMs, endMs } = model.view.value;
    const wasShown = before.current !== null && before.current >= startMs && before.current <= endMs;
    const jumped = before.current !== null && playheadMs !== null && Math.abs(playheadMs - before.current) > 2000;
    // Someone who has moved the view elsewhere on purpose is left there until the playhead jumps.
    if (playheadMs !== null && (wasShown || jumped)) model.reveal(playheadMs);
    before.current = playheadMs;
  }, [model, playheadMs]);
}

function useKeys(actions: Actions, onEscape: () => void): void {
  const latest = useRef({ actions, onEscape });
  latest.current = { actions, onEscape };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) latest.current.onEscape();
      const key = keyFor(event);
      if (!key) return;
      event.preventDefault();
      key.run(latest.current.actions);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

async function toggleFullscreen(element: HTMLElement): Promise<void> {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await element.requestFullscreen();
  } catch {
    notify("This browser does not allow full screen here.");
  }
}
