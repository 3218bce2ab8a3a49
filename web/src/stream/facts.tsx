import type { ComponentChildren } from "preact";
import { State, resolutionOf } from "../pieces/state";
import { useNow } from "../pieces/use-now";
import { codecName } from "../player/codecs";
import { useStore } from "../store";
import { HOUR, age, bitrate, bytes, dateTime, duration, type Zone } from "../time/format";
import type { Footage } from "./footage";

const CLOCKS = {
  arrival: "by arrival here",
  prft: "stamped by the camera",
  start: "from the given start",
  media: "from the media's own time",
};

/** What is known of the stream, in a few rows. */
export function Facts({ footage, zone }: { footage: Footage; zone: Zone }) {
  const info = useStore(footage.info);
  useNow(500);
  if (!info) return null;
  const ageMs = footage.ageMs();
  return (
    <dl class="facts" aria-label="About this stream">
      <Fact name="State">
        <State state={info.state} />
      </Fact>
      <Fact name="Last chunk">{ageMs === null ? "–" : `${age(ageMs)} ago`}</Fact>
      {info.tracks.map((track) => (
        <Fact key={`${track.kind} ${track.codec}`} name={track.kind === "video" ? "Video" : "Sound"}>
          {codecName(track.codec)} <small>{track.codec}</small>
        </Fact>
      ))}
      <Fact name="Resolution">{resolutionOf(info) ?? "–"}</Fact>
      <Fact name="Bit rate">{info.bitrate_bps ? bitrate(info.bitrate_bps) : "–"}</Fact>
      <Fact name="Gaps, 24 h">{info.gap_ms_24h > 0 ? duration(info.gap_ms_24h) : "none"}</Fact>
      <Fact name="Kept">
        {bytes(info.stored_bytes)} <small>for {duration(info.retention_hours * HOUR)}</small>
      </Fact>
      {info.first_ms !== null && <Fact name="Since">{dateTime(info.first_ms, zone)}</Fact>}
      {info.session && (
        <Fact name="Camera">
          {info.session.peer} <small>times {CLOCKS[info.session.clock] ?? info.session.clock}</small>
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
