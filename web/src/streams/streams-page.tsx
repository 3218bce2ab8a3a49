import { useCallback, useMemo, useState } from "preact/hooks";
import type { Client } from "../api/client";
import type { VideoInfo } from "../api/types";
import { PushCommands } from "../commands/push-commands";
import { Icon } from "../pieces/icons";
import { useNow } from "../pieces/use-now";
import type { Session } from "../session";
import { usePolled } from "../use-polled";
import { AddCamera } from "./add-camera";
import { Refusals } from "./refusals";
import { StreamRow } from "./stream-row";

const EVERY_MS = 3000;
const TICK_MS = 500;
/** From this many on, a field to search by name is worth its room. */
const SEARCH_FROM = 8;
/** What the commands of the empty page push to. The server makes the stream by itself. */
const FIRST_STREAM = "camera-1";

export function StreamsPage({ session: { client } }: { session: Session }) {
  const read = useCallback(() => client.streams(), [client]);
  const { value: streams, atMs, error, refresh } = usePolled(read, EVERY_MS);
  const [adding, setAdding] = useState(false);
  const [search, setSearch] = useState("");
  const shown = useMemo(
    () => (streams ?? []).filter((stream) => stream.name.toLowerCase().includes(search.trim().toLowerCase())),
    [streams, search],
  );
  const live = (streams ?? []).filter((stream) => stream.state === "live").length;
  return (
    <div class="page">
      <div class="page-head">
        <h1>Streams</h1>
        {streams && streams.length > 0 && (
          <p class="summary">
            {streams.length} in all, {live} live
          </p>
        )}
        {streams && streams.length >= SEARCH_FROM && (
          <input
            type="search"
            placeholder="Search by name"
            aria-label="Search by name"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        )}
        <button type="button" class="primary" onClick={() => setAdding(true)}>
          <Icon name="plus" /> Add camera
        </button>
      </div>
      {error && (
        <p class="message error" role="alert">
          {error}
        </p>
      )}
      <Refusals client={client} />
      {streams === null && !error && <p class="message">Loading…</p>}
      {streams?.length === 0 && <FirstPush client={client} />}
      {shown.length > 0 && <StreamTable client={client} streams={shown} atMs={atMs} />}
      {streams && streams.length > 0 && shown.length === 0 && <p class="message">No stream has “{search}” in its name.</p>}
      {adding && <AddCamera client={client} onClose={() => setAdding(false)} onCreated={refresh} />}
    </div>
  );
}

function FirstPush({ client }: { client: Client }) {
  return (
    <section class="first-push" aria-label="No streams yet">
      <h2>Push the first camera</h2>
      <p>
        Paste one of these into a shell on any machine that reaches this server. The stream <code>{FIRST_STREAM}</code> is
        made when the first fragment arrives, and shows up here by itself.
      </p>
      <PushCommands client={client} stream={FIRST_STREAM} />
    </section>
  );
}

function StreamTable({ client, streams, atMs }: { client: Client; streams: VideoInfo[]; atMs: number }) {
  const nowMs = useNow(TICK_MS);
  return (
    <table class="streams">
      <thead>
        <tr>
          <th scope="col">
            <span class="visually-hidden">Picture</span>
          </th>
          <th scope="col">Stream</th>
          <th scope="col">State</th>
          <th scope="col" class="number">
            Last chunk
          </th>
          <th scope="col" class="number">
            Bit rate
          </th>
          <th scope="col">Last 24 h</th>
          <th scope="col" class="number">
            Kept
          </th>
        </tr>
      </thead>
      <tbody>
        {streams.map((info) => (
          <StreamRow key={info.name} client={client} info={info} atMs={atMs} nowMs={nowMs} />
        ))}
      </tbody>
    </table>
  );
}
