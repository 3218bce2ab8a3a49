import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Pictures } from "../player/pictures";
import type { Footage } from "../stream/footage";
import { useStore } from "../store";
import { type Zone, dateTime } from "../time/format";
import { listen } from "./gestures";
import { HoverCard } from "./hover-card";
import { type Range, ROWS, type Scene, paint, readPalette } from "./paint";
import { msAt, xOf } from "./scale";
import type { TimelineView } from "./view-model";

interface Props {
  footage: Footage;
  model: TimelineView;
  pictures: Pictures;
  zone: Zone;
  playheadMs: number | null;
  selection: Range | null;
  /** A plain drag selects: for fingers, which have no Shift key. */
  selecting: boolean;
  onSeek: (ms: number) => void;
  onSelect: (range: Range) => void;
}

const EDGE_GRAB_PX = 7;

/** One horizontal band from yesterday to the live edge. */
export function Timeline(props: Props) {
  const { footage, model, zone } = props;
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(frame);
  const { hoverX, draggedMs } = useGestures(frame, width, props);
  const view = useStore(model.view);
  const coverage = useStore(footage.coverage);
  const info = useStore(footage.info);

  const playheadMs = draggedMs ?? props.playheadMs;
  const hoverMs = hoverX === null || width === 0 ? null : msAt(view, width, hoverX);
  const live = info?.state === "live";
  const edgeMs = info?.last_ms == null ? null : footage.edgeMs();
  usePainting(canvas, width, { view, zone, coverage, edgeMs, live, playheadMs, hoverMs, selection: props.selection });

  const limits = footage.limits();
  return (
    <div class="timeline">
      <div
        ref={frame}
        class={`timeline-band${props.selecting ? " selecting" : ""}`}
        role="slider"
        tabIndex={0}
        aria-label="Timeline"
        aria-valuemin={Math.round(limits.startMs / 1000)}
        aria-valuemax={Math.round(limits.endMs / 1000)}
        aria-valuenow={Math.round((playheadMs ?? limits.endMs) / 1000)}
        aria-valuetext={playheadMs === null ? "nothing playing" : dateTime(playheadMs, zone)}
        aria-describedby="timeline-keys"
        data-view-start={Math.round(view.startMs)}
        data-view-end={Math.round(view.endMs)}
      >
        <canvas ref={canvas} aria-hidden="true" />
      </div>
      <p id="timeline-keys" class="visually-hidden">
        Left and right arrows move one second, J and L ten seconds, plus and minus zoom, I and O mark a range.
      </p>
      {hoverX !== null && hoverMs !== null && (
        <HoverCard
          x={hoverX}
          width={width}
          ms={hoverMs}
          msPerPx={(view.endMs - view.startMs) / width}
          coverage={coverage}
          edgeMs={edgeMs}
          pictures={props.pictures}
          zone={zone}
        />
      )}
    </div>
  );
}

/** The element's width, followed while the page is resized. */
function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observed = element.current!;
    const observer = new ResizeObserver(() => setWidth(observed.clientWidth));
    observer.observe(observed);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

/** What the pointer does: where it hovers, and where it drags the playhead to. */
function useGestures(element: RefObject<HTMLElement | null>, width: number, props: Props) {
  const { model } = props;
  const [hoverX, setHoverX] = useState<number | null>(null);
  const [draggedMs, setDraggedMs] = useState<number | null>(null);
  // The listeners are attached once and must see the newest properties.
  const latest = useRef({ props, width });
  latest.current = { props, width };
  useEffect(() => {
    const at = (x: number) => msAt(model.view.value, latest.current.width, x);
    return listen(element.current!, {
      seek(x, done) {
        setDraggedMs(done ? null : at(x));
        if (done) latest.current.props.onSeek(at(x));
      },
      select(fromX, toX) {
        latest.current.props.onSelect({ fromMs: at(Math.min(fromX, toX)), toMs: at(Math.max(fromX, toX)) });
      },
      selects: () => latest.current.props.selecting,
      grabbedEdge(x) {
        const { selection } = latest.current.props;
        if (!selection) return null;
        const left = xOf(model.view.value, latest.current.width, selection.fromMs);
        const right = xOf(model.view.value, latest.current.width, selection.toMs);
        if (Math.abs(x - left) < EDGE_GRAB_PX) return right;
        return Math.abs(x - right) < EDGE_GRAB_PX ? left : null;
      },
      zoom: (factor, x) => model.zoom(factor, at(x)),
      pan: (byPx) => model.pan((byPx / Math.max(1, latest.current.width)) * model.spanMs),
      hover: setHoverX,
    });
  }, [element, model]);
  return { hoverX, draggedMs };
}

function usePainting(canvas: RefObject<HTMLCanvasElement | null>, width: number, scene: Scene): void {
  const dark = useDark();
  useEffect(() => {
    const element = canvas.current!;
    const context = element.getContext("2d");
    if (!context || width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    element.width = Math.round(width * ratio);
    element.height = Math.round(ROWS.height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint(context, width, scene, readPalette(element));
  }, [canvas, width, dark, ...Object.values(scene)]);
}

/** Changes when the system switches between dark and light, so that the canvas is painted anew. */
function useDark(): boolean {
  const [dark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const onChange = () => setDark(query.matches);
    query.addEventListener("change", onChange);
    return () => query.removeEventListener("change", onChange);
  }, []);
  return dark;
}
