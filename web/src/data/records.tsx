import { useState } from "preact/hooks";
import type { DataRecord, Kinesis, Shard, Start } from "../api/kinesis";
import { zone as zoneStore } from "../session";
import { useStore } from "../store";
import { type Zone, bytes, clockTime, duration, isoDate, zoneName } from "../time/format";
import { parseInstant } from "../time/parse";
import { isOpen } from "./hash-space";
import { type Shape, bytesOf, shown } from "./payload";
import { type RecordsRead, useRecords } from "./use-records";

interface Props {
  kinesis: Kinesis;
  stream: string;
  shards: Shard[];
}

/** Reads a shard from where one likes. */
export function Records({ kinesis, stream, shards }: Props) {
  const zone = useStore(zoneStore);
  const [chosen, setChosen] = useState<string | null>(null);
  const [kind, setKind] = useState<"TRIM_HORIZON" | "LATEST" | "time">("TRIM_HORIZON");
  const [time, setTime] = useState("");
  const [following, setFollowing] = useState(false);
  const read = useRecords(kinesis, stream, following);
  const shard = chosen ?? (shards.find(isOpen) ?? shards[0])?.ShardId ?? "";
  const start: Start | null = kind === "time" ? parseInstant(time, Date.now(), zone) : kind;
  const begin = (event: Event) => {
    event.preventDefault();
    if (start === null) return;
    // What is to come is seen by waiting for it.
    if (start === "LATEST") setFollowing(true);
    // What was chosen by itself stays so: a split must not put another shard's name over these records.
    setChosen(shard);
    read.begin(shard, start);
  };
  return (
    <section aria-labelledby="records-title">
      <h2 id="records-title">Records</h2>
      <form class="record-tools" onSubmit={begin} aria-label="Read records">
        <label>
          Shard
          <select name="shard" value={shard} onChange={(event) => setChosen(event.currentTarget.value)}>
            {shards.map((each) => (
              <option key={each.ShardId} value={each.ShardId}>
                {each.ShardId}
                {isOpen(each) ? "" : " (closed)"}
              </option>
            ))}
          </select>
        </label>
        <label>
          Start
          <select name="start" value={kind} onChange={(event) => setKind(event.currentTarget.value as typeof kind)}>
            <option value="TRIM_HORIZON">Oldest</option>
            <option value="LATEST">Latest</option>
            <option value="time">A time</option>
          </select>
        </label>
        {kind === "time" && (
          <label>
            Time, {zoneName(Date.now(), zone)}
            <input
              name="record-time"
              autocomplete="off"
              spellcheck={false}
              placeholder="14:05:30 or -10m"
              value={time}
              onInput={(event) => setTime(event.currentTarget.value)}
            />
          </label>
        )}
        <button type="submit" class="primary" disabled={start === null || shard === ""}>
          Read
        </button>
        <label class="inline">
          <input type="checkbox" checked={following} onChange={(event) => setFollowing(event.currentTarget.checked)} />
          Follow
        </label>
      </form>
      <div role="alert">{read.error && <p class="message error">{read.error}</p>}</div>
      {read.begun && <Page read={read} zone={zone} following={following} />}
    </section>
  );
}

function Page({ read, zone, following }: { read: RecordsRead; zone: Zone; following: boolean }) {
  const [shape, setShape] = useState<Shape>("text");
  const where = read.next === null ? "the shard ends here" : read.behindMs === 0 ? "nothing newer" : `${duration(read.behindMs)} behind`;
  return (
    <>
      <div class="record-tools">
        <p class="summary" role="status">
          {read.records.length} records, {where}
        </p>
        <div class="switch" role="group" aria-label="Show data as">
          {(["text", "hex"] as const).map((each) => (
            <button key={each} type="button" aria-pressed={shape === each} onClick={() => setShape(each)}>
              {each === "text" ? "Text" : "Hex"}
            </button>
          ))}
        </div>
        <button type="button" disabled={read.next === null || following} onClick={read.nextPage}>
          Next page
        </button>
      </div>
      {read.records.length > 0 && <Table records={read.records} shape={shape} zone={zone} />}
    </>
  );
}

function Table({ records, shape, zone }: { records: DataRecord[]; shape: Shape; zone: Zone }) {
  return (
    <div class="records-box" tabIndex={0} role="region" aria-label="Records read">
      <table class="records">
        <thead>
          <tr>
            <th scope="col">Sequence number</th>
            <th scope="col">Partition key</th>
            <th scope="col">Arrival</th>
            <th scope="col" class="number">
              Size
            </th>
            <th scope="col">Data</th>
          </tr>
        </thead>
        <tbody>
          {records.map((record) => (
            <Row key={record.SequenceNumber} record={record} shape={shape} zone={zone} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ record, shape, zone }: { record: DataRecord; shape: Shape; zone: Zone }) {
  const data = bytesOf(record.Data);
  const arrivalMs = Math.round(record.ApproximateArrivalTimestamp * 1000);
  return (
    <tr>
      <td class="sequence">{record.SequenceNumber}</td>
      <td class="key">{record.PartitionKey}</td>
      <td class="number">
        {isoDate(arrivalMs, zone)} {clockTime(arrivalMs, zone, true)}
      </td>
      <td class="number">{bytes(data.length)}</td>
      <td class="data">
        <pre>{shown(data, shape)}</pre>
      </td>
    </tr>
  );
}
