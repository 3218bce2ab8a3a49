import { useEffect, useState } from "preact/hooks";
import type { Client } from "../api/client";
import { describeError } from "../api/error";
import { type Token, readToken } from "../api/tokens";
import { Code } from "../pieces/code";
import { zone } from "../session";
import { useStore } from "../store";
import { DAY, HOUR, SECOND, dateTime, zoneName } from "../time/format";
import { pushCommands } from "./push";
import { type RtspDoor, rtspDoor } from "./rtsp";

const LIFETIMES: [number, string][] = [
  [HOUR, "1 hour"],
  [DAY, "1 day"],
  [7 * DAY, "7 days"],
  [30 * DAY, "30 days"],
];

const NO_DOOR: RtspDoor = { origin: null, note: null };

/** Copy-paste commands with a token that may only push to this one stream. */
export function PushCommands({ client, stream }: { client: Client; stream: string }) {
  const [group, setGroup] = useState<string>("ffmpeg");
  const [lifetimeMs, setLifetimeMs] = useState(DAY);
  const [token, setToken] = useState<Token | null>(null);
  const [error, setError] = useState<string | null>(null);
  const shownZone = useStore(zone);

  useEffect(() => {
    let current = true;
    setToken(null);
    setError(null);
    client.token(stream, ["ingest"], lifetimeMs / SECOND).then(
      (answer) => current && setToken(readToken(answer)),
      (thrown: unknown) => current && setError(describeError(thrown)),
    );
    return () => {
      current = false;
    };
  }, [client, stream, lifetimeMs]);

  const door = useRtspDoor(client);
  const rtsp = door.origin === null ? null : { origin: door.origin, username: null, password: null, ...token?.rtsp };
  const groups = pushCommands({ origin: location.origin, stream, token: token?.text ?? null, rtsp });
  const chosen = groups.find((candidate) => candidate.id === group) ?? groups[0]!;
  return (
    <div class="push">
      <div class="push-tools">
        <div class="switch" role="group" aria-label="Program">
          {groups.map((each) => (
            <button key={each.id} type="button" aria-pressed={each === chosen} onClick={() => setGroup(each.id)}>
              {each.title}
            </button>
          ))}
        </div>
        <label class="inline">
          Token good for
          <select value={lifetimeMs} onChange={(event) => setLifetimeMs(Number(event.currentTarget.value))}>
            {LIFETIMES.map(([ms, name]) => (
              <option key={ms} value={ms}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      {error && <p class="message error">No token could be made: {error}</p>}
      {chosen.note && <p class="push-note">{chosen.note}</p>}
      {chosen.commands.map((command) => (
        <Code key={command.title} title={command.title} text={command.text} />
      ))}
      <p class="note">
        The token in the address may only push to this stream
        {token && ` until ${dateTime(token.expiresMs, shownZone)} ${zoneName(token.expiresMs, shownZone)}`}. Whoever has
        it can push, so treat it as a password.
      </p>
      {door.note && <p class="note">{door.note}</p>}
    </div>
  );
}

/** Where the server takes in RTSP; nowhere until it has said so. */
function useRtspDoor(client: Client): RtspDoor {
  const [door, setDoor] = useState<RtspDoor>(NO_DOOR);
  useEffect(() => {
    let current = true;
    // Without an answer the commands over HTTP are still good.
    client.server().then((info) => current && setDoor(rtspDoor(info, location.hostname)), () => undefined);
    return () => {
      current = false;
    };
  }, [client]);
  return door;
}
