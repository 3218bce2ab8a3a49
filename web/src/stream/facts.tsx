import type { ComponentChildren } from "preact";
import type { Session, VideoInfo } from "../api/types";
import { State, resolutionOf } from "../pieces/state";
import { useNow } from "../pieces/use-now";
import { codecName } from "../player/codecs";
import { packetsText } from "../source/words";
import { useStore } from "../store";
import { HOUR, age, bitrate, bytes, dateTime, duration, type Zone } from "../time/format";
import type { Footage } from "./footage";

const CLOCKS = {
  arrival: "by arrival",
  prft: "stamped by itself",
  start: "from a given start",
  media: "from its media",
  rtcp: "by its own clock",
};

/** Further apart than this, the two clocks have nothing to do with each other. */
const OFFSET_SHOWN_MS_MAX = 60_000;
const DRIFT_SHOWN_MS_MIN = 100;
/** Nearer than this, a camera's clock is about to be believed. */
const DISBELIEF_MS_MIN = 1000;

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
        {bytes(info.stored_bytes)} <small>{keptText(info)}</small>
      </Fact>
      {info.first_ms !== null && <Fact name="Since">{dateTime(info.first_ms, zone)}</Fact>}
      {info.session && <Fact name="Camera">{info.session.peer}</Fact>}
      {info.rtp && <Fact name="Packets">{packetsText(info.rtp)}</Fact>}
      {info.session?.clock && (
        <Fact name="Its time">
          {CLOCKS[info.session.clock]} <small>{offsetText(info.session)}</small>
        </Fact>
      )}
    </dl>
  );
}

/** For how long and how much, and how much of it is held. */
function keptText({ retention_hours: hours, retention_bytes: bound, held_bytes: held }: VideoInfo): string {
  const said = [`for ${duration(hours * HOUR)}`];
  if (bound !== null) said.push(`at most ${bytes(bound)}`);
  if (held > 0) said.push(`${bytes(held)} held`);
  return said.join(", ");
}

/** How the camera's clock and ours differ, where the camera has one; and whether they drift apart. */
function offsetText({ clock, offset_ms: offset = 0, drift_ms: drift = 0, camera_offset_ms: own }: Session): string {
  if (clock === "start" || Math.abs(offset) > OFFSET_SHOWN_MS_MAX) return "";
  const said: string[] = [];
  if (clock !== "arrival") said.push(`${duration(Math.abs(offset))} ${offset >= 0 ? "late" : "early"} here`);
  // It says one, but that was not believed.
  if (clock === "arrival" && Math.abs(own ?? 0) >= DISBELIEF_MS_MIN) said.push(`its own clock is ${clockError(own!)}`);
  if (Math.abs(drift) >= DRIFT_SHOWN_MS_MIN) said.push(`drifted by ${duration(Math.abs(drift))}`);
  return said.join(", ");
}

function clockError(ms: number): string {
  return `${duration(Math.abs(ms))} ${ms >= 0 ? "slow" : "fast"}`;
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
