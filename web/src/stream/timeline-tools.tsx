import { Icon } from "../pieces/icons";
import { HOUR, MINUTE } from "../time/format";
import type { TimelineView } from "../timeline/view-model";

interface Props {
  model: TimelineView;
  playheadMs: number | null;
  selecting: boolean;
  onSelecting: (selecting: boolean) => void;
  onMark: (which: "in" | "out") => void;
}

const PRESETS: [number, string][] = [
  [24 * HOUR, "24 h"],
  [6 * HOUR, "6 h"],
  [HOUR, "1 h"],
  [10 * MINUTE, "10 min"],
  [MINUTE, "1 min"],
];

/** Zoom, marks and the legend, between player and timeline. */
export function TimelineTools({ model, playheadMs, selecting, onSelecting, onMark }: Props) {
  const middle = () => playheadMs ?? (model.view.value.startMs + model.view.value.endMs) / 2;
  return (
    <div class="timeline-tools">
      <div class="buttons" role="group" aria-label="Zoom">
        {PRESETS.map(([spanMs, name]) => (
          <button key={name} type="button" class="quiet" onClick={() => model.showLast(spanMs, playheadMs)}>
            {name}
          </button>
        ))}
        <button type="button" class="quiet" aria-label="Zoom out" title="Zoom out (−)" onClick={() => model.zoom(2, middle())}>
          <Icon name="minus" />
        </button>
        <button type="button" class="quiet" aria-label="Zoom in" title="Zoom in (+)" onClick={() => model.zoom(0.5, middle())}>
          <Icon name="plus" />
        </button>
      </div>
      <div class="buttons" role="group" aria-label="Range">
        <button type="button" class="quiet" title="Mark the beginning (I)" onClick={() => onMark("in")}>
          In
        </button>
        <button type="button" class="quiet" title="Mark the end (O)" onClick={() => onMark("out")}>
          Out
        </button>
        <button
          type="button"
          class="quiet"
          aria-pressed={selecting}
          title="Drag on the timeline marks a range (or hold Shift)"
          onClick={() => onSelecting(!selecting)}
        >
          <Icon name="range" /> Mark by dragging
        </button>
      </div>
      <ul class="legend" aria-label="Legend">
        <li class="legend-recorded">recorded</li>
        <li class="legend-gap">gap</li>
        <li class="legend-live">live edge</li>
      </ul>
    </div>
  );
}
