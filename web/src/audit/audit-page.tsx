import { useCallback, useEffect, useState } from "preact/hooks";
import type { Client } from "../api/client";
import { Reading } from "../pieces/reading";
import { type Session, zone } from "../session";
import { useStore } from "../store";
import { type Zone, clockTime, isoDate } from "../time/format";
import { usePolled } from "../use-polled";

const EVERY_MS = 5000;
const ENTRIES = 200;
const SETTLES_MS = 300;

interface Entry {
  time: string;
  event: "control" | "use" | "refusal" | "dropped";
  who?: string;
  key_id?: string;
  action?: string;
  resource?: string;
  allowed: boolean;
  reason?: string;
  source?: string;
  request_id?: string;
  /** How often it happened again since. */
  count?: number;
}

interface Answer {
  entries: Entry[];
  more: boolean;
}

const EVENTS: [string, string][] = [
  ["", "Everything"],
  ["control", "Changes"],
  ["use", "Uses"],
  ["refusal", "Refusals"],
];

function readAudit(client: Client, event: string, contains: string): Promise<Answer> {
  const query = new URLSearchParams({ limit: String(ENTRIES), contains, ...(event === "" ? {} : { event }) });
  return client.json("GET", `/v1/audit?${query}`);
}

/** What was typed, when typing has paused. */
function useSettled(typed: string): string {
  const [settled, setSettled] = useState(typed);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(typed), SETTLES_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return settled;
}

/** Who did what, newest first. */
export function AuditPage({ session: { client } }: { session: Session }) {
  const [event, setEvent] = useState("");
  const [typed, setTyped] = useState("");
  const contains = useSettled(typed);
  const read = useCallback(() => readAudit(client, event, contains.trim()), [client, event, contains]);
  const { value, error } = usePolled(read, EVERY_MS);
  return (
    <div class="page">
      <div class="page-head">
        <h1>Audit log</h1>
        {value && (
          <p class="summary" role="status">
            {value.more ? `the newest ${value.entries.length}` : `${value.entries.length} in all`}
          </p>
        )}
      </div>
      <div class="record-tools" role="search">
        <label>
          Show
          <select name="event" value={event} onChange={(changed) => setEvent(changed.currentTarget.value)}>
            {EVENTS.map(([id, title]) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <label>
          With this text in it
          <input
            name="contains"
            type="search"
            autocomplete="off"
            spellcheck={false}
            placeholder="a name, key, action, address"
            value={typed}
            onInput={(changed) => setTyped(changed.currentTarget.value)}
          />
        </label>
      </div>
      <Reading error={error} waiting={value === null} />
      {value && value.entries.length === 0 && <p class="message">Nothing of the kind is written down.</p>}
      {value && value.entries.length > 0 && <Table entries={value.entries} />}
    </div>
  );
}

function Table({ entries }: { entries: Entry[] }) {
  const shownZone = useStore(zone);
  return (
    <div class="records-box" tabIndex={0} role="region" aria-label="Entries">
      <table class="records audit">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">Outcome</th>
            <th scope="col">From</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry, nth) => (
            <Row key={`${entry.time} ${entry.request_id ?? ""} ${nth}`} entry={entry} shownZone={shownZone} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ entry, shownZone }: { entry: Entry; shownZone: Zone }) {
  const atMs = Date.parse(entry.time);
  return (
    <tr data-event={entry.event}>
      <td class="when" title={entry.request_id && `Request ${entry.request_id}`}>
        {isoDate(atMs, shownZone)} {clockTime(atMs, shownZone, true)}
      </td>
      <td class="who">
        {entry.who ?? "nobody"}
        {entry.key_id && <small class="id">{entry.key_id}</small>}
      </td>
      <td class="what">
        {entry.action}
        {entry.resource && entry.resource !== "*" && <small class="id">{entry.resource}</small>}
      </td>
      <td class={entry.allowed ? "" : "refused"}>
        {entry.allowed ? "allowed" : `refused: ${entry.reason ?? "?"}`}
        {entry.count !== undefined && <small class="id">{entry.count} times more</small>}
      </td>
      <td>{entry.source}</td>
    </tr>
  );
}
