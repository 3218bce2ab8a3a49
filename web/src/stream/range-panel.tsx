import { useState } from "preact/hooks";
import type { VideoInfo } from "../api/types";
import { Icon } from "../pieces/icons";
import { SECOND, type Zone, bytes, clockTime, dateTime, duration } from "../time/format";
import { type Coverage, recordedWithin } from "../timeline/coverage";
import type { Range } from "../timeline/paint";
import { clipDownload, framesDownload } from "./downloads";

interface Props {
  info: VideoInfo;
  coverage: Coverage;
  range: Range;
  token: string | null;
  zone: Zone;
  onPlay: () => void;
  onHold: () => void;
  onClear: () => void;
}

const KEY_FRAMES = "keyframe";
const RATES = [0.1, 0.5, 1, 2, 5, 10, 25];
const WIDTHS = [1280, 640, 320];

/** The marked range and what can be made of it. */
export function RangePanel({ info, coverage, range, token, zone, onPlay, onHold, onClear }: Props) {
  const [sampling, setSampling] = useState("1");
  const [width, setWidth] = useState(0);
  // What a live camera sent since the last poll is not in the coverage yet.
  const knownToMs = coverage.spans[coverage.spans.length - 1]?.end_ms ?? range.toMs;
  const newMs = info.state === "live" ? Math.max(0, range.toMs - Math.max(range.fromMs, knownToMs)) : 0;
  const recordedMs = recordedWithin(coverage, range.fromMs, range.toMs) + newMs;
  const fps = sampling === KEY_FRAMES ? null : Number(sampling);
  const clip = token && clipDownload(info.name, range, token);
  const frames = token && framesDownload(info.name, range, token, fps, width || null);
  const clipBytes = ((info.bitrate_bps ?? 0) * recordedMs) / 8 / SECOND;
  return (
    <section class="range" aria-label="Marked range">
      <p class="range-what">
        <strong>{duration(range.toMs - range.fromMs)}</strong>
        <span>
          {dateTime(range.fromMs, zone)} – {clockTime(range.toMs, zone)}
        </span>
        {recordedMs < range.toMs - range.fromMs - SECOND && <small>{duration(recordedMs)} of it recorded</small>}
      </p>
      <div class="range-tools">
        <button type="button" onClick={onPlay}>
          <Icon name="play" /> Play
        </button>
        {clip && (
          <a class="button primary" id="clip-link" href={clip.href} download={clip.file}>
            <Icon name="download" /> Clip
            {clipBytes > 0 && <small>≈ {bytes(clipBytes)}</small>}
          </a>
        )}
        <span class="joined">
          {frames && (
            <a class="button" id="frames-link" href={frames.href} download={frames.file}>
              <Icon name="download" /> Frames
              {fps !== null && <small>≈ {Math.max(1, Math.round((recordedMs / SECOND) * fps))}</small>}
            </a>
          )}
          <label>
            <span class="visually-hidden">Frames per second</span>
            <select value={sampling} onChange={(event) => setSampling(event.currentTarget.value)}>
              <option value={KEY_FRAMES}>key frames</option>
              {RATES.map((rate) => (
                <option key={rate} value={String(rate)}>
                  {rate} / s
                </option>
              ))}
            </select>
          </label>
          <label>
            <span class="visually-hidden">Width of the frames</span>
            <select value={width} onChange={(event) => setWidth(Number(event.currentTarget.value))}>
              <option value={0}>full size</option>
              {WIDTHS.map((each) => (
                <option key={each} value={each}>
                  {each} px
                </option>
              ))}
            </select>
          </label>
        </span>
        <button type="button" onClick={onHold} title="Keep this range until it is released">
          <Icon name="hold" /> Hold
        </button>
      </div>
      <button type="button" class="quiet clear" onClick={onClear} aria-label="Clear the range" title="Clear the range (Escape)">
        <Icon name="close" />
      </button>
    </section>
  );
}
