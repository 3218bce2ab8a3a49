import type { RefObject } from "preact";
import { useRef, useState } from "preact/hooks";
import type { VideoInfo } from "../api/types";
import { notify } from "../pieces/notice";
import { FIRST_STATE, type PlayerState } from "../player/transport";
import { type Session, zone as zoneStore } from "../session";
import { Store, useStore } from "../store";
import type { Zone } from "../time/format";
import { type Coverage, neighbourGap, stepRecorded } from "../timeline/coverage";
import { clipDownload, startDownload, stillDownload } from "./downloads";
import { holdRange } from "./holds";
import type { Actions } from "./keys";
import type { StreamParts } from "./stream-parts";
import { useKeys } from "./use-keys";
import { type Marks, useRange } from "./use-range";
import { useTimelineView } from "./use-timeline-view";
import { useToken } from "./use-token";
import { type Playing, useTransport } from "./use-transport";

const NO_STATE = new Store<PlayerState>(FIRST_STATE);

/** Everything that the parts of the page share while a stream is watched. */
export interface Watch extends StreamParts, Playing {
  info: VideoInfo;
  coverage: Coverage;
  state: PlayerState;
  zone: Zone;
  /** Null until the server has given one. */
  token: string | null;
  marks: Marks;
  /** A plain drag on the timeline marks a range. */
  selecting: boolean;
  setSelecting: (selecting: boolean) => void;
  dialog: "go-to" | "keys" | null;
  setDialog: (dialog: "go-to" | "keys" | null) => void;
  video: RefObject<HTMLVideoElement | null>;
  viewer: RefObject<HTMLDivElement | null>;
  /** The instant on screen, or the end of the footage before there is one. */
  shownMs: () => number;
  actions: Actions;
  /** Has the marked range kept until it is released. */
  hold: () => void;
}

export function useWatch(session: Session, parts: StreamParts, info: VideoInfo, atMs: number | null): Watch {
  const { footage, pictures, model } = parts;
  const video = useRef<HTMLVideoElement>(null);
  const viewer = useRef<HTMLDivElement>(null);
  const playing = useTransport({ footage, pictures, tokens: session.tokens, video, atMs });
  const state = useStore(playing.transport?.state ?? NO_STATE);
  const coverage = useStore(footage.coverage);
  const zone = useStore(zoneStore);
  const token = useToken(session.tokens, footage.name);
  const marks = useRange();
  const [selecting, setSelecting] = useState(false);
  const [dialog, setDialog] = useState<Watch["dialog"]>(null);
  useTimelineView(footage, model, state.instantMs);

  const shownMs = () => state.instantMs ?? footage.edgeMs();
  const shown = { info, coverage, state, zone, token, marks, selecting, setSelecting, dialog, setDialog, video, viewer, shownMs };
  const hold = () => {
    if (marks.range) void holdRange(session.client, info.name, marks.range).then(() => footage.refresh());
  };
  const all = { ...parts, ...playing, ...shown, hold };
  const actions = actionsOf(all);
  useKeys(actions, () => marks.set(null));
  return { ...all, actions };
}

function actionsOf(watch: Omit<Watch, "actions">): Actions {
  const { transport, footage, model, state, coverage, marks, token, shownMs } = watch;
  const running = state.status === "playing" || state.status === "loading" || state.status === "waiting";
  return {
    toggle: () => (running ? transport?.pause() : transport?.play()),
    nudge: (ms) => transport?.seek(stepRecorded(coverage, shownMs(), ms)),
    step: (direction) => transport?.step(direction),
    gap: (direction) => {
      const ms = neighbourGap(coverage, shownMs(), direction);
      if (ms === null) notify(direction > 0 ? "No later gap." : "No earlier gap.");
      else transport?.seek(ms);
    },
    live: () => transport?.goLive(),
    goTo: () => watch.setDialog("go-to"),
    markIn: () => marks.markIn(shownMs(), footage.edgeMs()),
    markOut: () => marks.markOut(shownMs()),
    exportRange: () => {
      if (!marks.range) notify("Mark a range first: I and O, or Shift-drag on the timeline.");
      else if (token) startDownload(clipDownload(footage.name, marks.range, token));
    },
    still: () => {
      if (token) startDownload(stillDownload(footage.name, shownMs(), token));
    },
    zoom: (factor) => model.zoom(factor, shownMs()),
    fullscreen: () => void toggleFullscreen(watch.viewer.current),
    mute: () => transport?.setMuted(!state.muted),
    help: () => watch.setDialog("keys"),
  };
}

async function toggleFullscreen(element: Element | null): Promise<void> {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await element?.requestFullscreen();
  } catch {
    notify("This browser does not allow full screen here.");
  }
}
