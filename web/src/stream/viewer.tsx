import { Timeline } from "../timeline/timeline";
import { Controls } from "./controls";
import { clipDownload, stillDownload } from "./downloads";
import { Facts } from "./facts";
import { RangePanel } from "./range-panel";
import { Stage } from "./stage";
import { StillsStrip } from "./stills-strip";
import { TimelineTools } from "./timeline-tools";
import type { Watch } from "./watch";

/** What the fallback offers to download when nothing is marked. */
const CLIP_MS = 60_000;

/** Picture, controls and timeline: what goes full screen together. */
export function Viewer({ watch, offline }: { watch: Watch; offline: boolean }) {
  const { footage, info, model, pictures, state, stills, transport, zone, token, marks, actions } = watch;
  const { range } = marks;
  const live = info.state === "live";
  const seek = (ms: number) => transport?.seek(ms);
  return (
    <div class="viewer" ref={watch.viewer}>
      <Stage
        video={watch.video}
        state={state}
        stills={stills}
        reason={watch.reason}
        live={live}
        offline={offline}
        {...insteadOfPlaying(watch)}
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
        playheadMs={state.instantMs}
        selection={range}
        selecting={watch.selecting}
        onSeek={seek}
        onSelect={marks.set}
      />
      {stills && <StillsStrip footage={footage} model={model} pictures={pictures} zone={zone} onSeek={seek} />}
      <TimelineTools
        model={model}
        playheadMs={state.instantMs}
        selecting={watch.selecting}
        onSelecting={watch.setSelecting}
        onMark={(which) => (which === "in" ? actions.markIn() : actions.markOut())}
      />
      {range && (
        <RangePanel
          info={info}
          coverage={watch.coverage}
          range={range}
          token={token}
          zone={zone}
          onPlay={() => {
            seek(range.fromMs);
            transport?.play();
          }}
          onHold={watch.hold}
          onClear={() => marks.set(null)}
        />
      )}
    </div>
  );
}

/** Downloads for someone whose browser cannot play the stream. */
function insteadOfPlaying({ footage, stills, token, marks, shownMs }: Watch) {
  const clipTitle = marks.range ? "Download the marked range" : "Download this minute";
  if (!stills || !token) return { clipHref: null, stillHref: null, clipTitle };
  const range = marks.range ?? { fromMs: shownMs() - CLIP_MS, toMs: shownMs() };
  return {
    clipHref: clipDownload(footage.name, range, token).href,
    stillHref: stillDownload(footage.name, shownMs(), token).href,
    clipTitle,
  };
}
