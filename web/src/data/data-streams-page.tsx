import { useCallback } from "preact/hooks";
import { Kinesis, type DataStreamSummary } from "../api/kinesis";
import { dataHref } from "../router";
import type { Session } from "../session";
import { HOUR, duration } from "../time/format";
import { usePolled } from "../use-polled";
import { modeName, statusName } from "./words";

const EVERY_MS = 5000;
/** Streams described at a time, so that a long list does not become a flood of requests. */
const AT_ONCE = 8;

/** The list of data streams. */
export function DataStreamsPage({ session: { client } }: { session: Session }) {
  const read = useCallback(() => describeAll(new Kinesis(client)), [client]);
  const { value: streams, error } = usePolled(read, EVERY_MS);
  return (
    <div class="page">
      <div class="page-head">
        <h1>Data streams</h1>
        {streams && streams.length > 0 && <p class="summary">{streams.length} in all</p>}
      </div>
      {error && (
        <p class="message error" role="alert">
          {error}
        </p>
      )}
      {streams === null && !error && <p class="message">Loading…</p>}
      {streams?.length === 0 && <NoStreams />}
      {streams && streams.length > 0 && <Table streams={streams} />}
    </div>
  );
}

async function describeAll(kinesis: Kinesis): Promise<DataStreamSummary[]> {
  const names = (await kinesis.streams()).map((stream) => stream.StreamName);
  const all: DataStreamSummary[] = [];
  for (let at = 0; at < names.length; at += AT_ONCE) {
    // One that was deleted since is left out.
    const part = await Promise.allSettled(names.slice(at, at + AT_ONCE).map((name) => kinesis.summary(name)));
    for (const each of part) if (each.status === "fulfilled") all.push(each.value);
    const failed = part.find((each) => each.status === "rejected");
    if (failed && all.length === 0) throw failed.reason;
  }
  return all;
}

function NoStreams() {
  return (
    <section class="first-push" aria-label="No data streams yet">
      <h2>No data streams yet</h2>
      <p>Any AWS client makes one when its endpoint is this server:</p>
      <pre>aws kinesis create-stream --stream-name orders --endpoint-url {location.origin}</pre>
    </section>
  );
}

function Table({ streams }: { streams: DataStreamSummary[] }) {
  return (
    <table class="streams data-streams">
      <thead>
        <tr>
          <th scope="col">Stream</th>
          <th scope="col">Status</th>
          <th scope="col" class="number">
            Open shards
          </th>
          <th scope="col">Mode</th>
          <th scope="col" class="number">
            Kept for
          </th>
        </tr>
      </thead>
      <tbody>
        {streams.map((stream) => (
          <tr key={stream.StreamName} data-stream={stream.StreamName}>
            <th scope="row" class="cell-name">
              <a href={dataHref(stream.StreamName)}>{stream.StreamName}</a>
            </th>
            <td>{statusName(stream.StreamStatus)}</td>
            <td class="number">
              {stream.OpenShardCount} <small class="unit">open</small>
            </td>
            <td>{modeName(stream)}</td>
            <td class="number">{duration(stream.RetentionPeriodHours * HOUR)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
