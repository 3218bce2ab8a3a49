import { useEffect, useRef, useState } from "preact/hooks";
import type { Client } from "../api/client";
import type { VideoInfo } from "../api/types";
import { State, resolutionOf } from "../pieces/state";
import { codecNames } from "../player/codecs";
import { streamHref } from "../router";
import { stateText } from "../source/words";
import { HOUR, age, bitrate, bytes, duration } from "../time/format";
import { Preview } from "./preview";
import { Sparkline } from "./sparkline";

interface Props {
  client: Client;
  info: VideoInfo;
  /** Local time of the description and now. */
  atMs: number;
  nowMs: number;
}

export function StreamRow({ client, info, atMs, nowMs }: Props) {
  const row = useRef<HTMLTableRowElement>(null);
  const visible = useVisible(row);
  const durable = info.last_durable;
  const ageMs = durable ? durable.age_ms + (nowMs - atMs) : null;
  const facts = [resolutionOf(info), info.codecs && codecNames(info.codecs)].filter(Boolean).join(" · ");
  return (
    <tr ref={row} class="stream-row" data-stream={info.name}>
      <td class="cell-preview">
        <Preview client={client} info={info} visible={visible} />
      </td>
      <th scope="row" class="cell-name">
        <a href={streamHref(info.name)}>{info.name}</a>
        <small>{facts || "no footage yet"}</small>
      </th>
      <td class="cell-state" data-label="State">
        <State state={info.state} />
        {info.source && info.state !== "live" && (
          <small title={info.source.error ?? undefined}>{stateText(info.source, nowMs)}</small>
        )}
      </td>
      <td class="number cell-age" data-label="Last chunk">
        {ageMs === null ? "–" : `${age(ageMs)} ago`}
      </td>
      <td class="number cell-rate" data-label="Bit rate">
        {info.state === "live" && info.bitrate_bps ? bitrate(info.bitrate_bps) : "–"}
      </td>
      <td class="cell-day" data-label="Last 24 h">
        {visible && info.state !== "empty" ? <Sparkline client={client} info={info} /> : <span class="sparkline" />}
      </td>
      <td class="number cell-kept" data-label="Kept">
        {bytes(info.stored_bytes)}
        <small>for {duration(info.retention_hours * HOUR)}</small>
      </td>
    </tr>
  );
}

/** Becomes true once the element has come into view, and stays so. */
function useVisible(element: { current: Element | null }): boolean {
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        setVisible(true);
        observer.disconnect();
      }
    });
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, []);
  return visible;
}
