import { useCallback, useMemo, useState } from "preact/hooks";
import { type User, Users } from "../api/users";
import { Ask } from "../pieces/ask";
import { notify } from "../pieces/notice";
import { Reading } from "../pieces/reading";
import { go } from "../router";
import { type Session, zone } from "../session";
import { useStore } from "../store";
import { dateTime } from "../time/format";
import { usePolled } from "../use-polled";
import { AccessKeys } from "./access-keys";
import { Policies } from "./policies";
import { TryOut } from "./try-out";

const EVERY_MS = 5000;

/** One user: access keys and policies. */
export function UserPage({ session: { client }, name }: { session: Session; name: string }) {
  const users = useMemo(() => new Users(client), [client]);
  const read = useCallback(() => users.one(name), [users, name]);
  const { value: user, error, atMs, refresh } = usePolled(read, EVERY_MS);
  const shownZone = useStore(zone);
  return (
    <div class="page one">
      <div class="page-head">
        <h1>{name}</h1>
        {user && <p class="summary">made {dateTime(user.created_ms, shownZone)}</p>}
      </div>
      <Reading error={error} waiting={user === null} />
      {user && (
        <>
          <p class="arn">
            <code>{user.arn}</code>
          </p>
          <AccessKeys users={users} user={user} atMs={atMs} shownZone={shownZone} onChanged={refresh} />
          <Policies users={users} user={user} onChanged={refresh} />
          <TryOut users={users} user={user.name} />
          <Deletion users={users} user={user} />
        </>
      )}
    </div>
  );
}

function Deletion({ users, user }: { users: Users; user: User }) {
  const [asking, setAsking] = useState(false);
  const act = async () => {
    await users.remove(user.name);
    notify(`${user.name} is deleted.`);
    go("#/users");
  };
  return (
    <section aria-labelledby="delete-title">
      <h2 id="delete-title">Delete</h2>
      <button type="button" class="danger" onClick={() => setAsking(true)}>
        Delete {user.name}
      </button>
      {asking && (
        <Ask title="Delete a user" action="Delete" danger confirm={user.name} act={act} onClose={() => setAsking(false)}>
          <p>
            {user.name} goes with {user.keys.length === 1 ? "its access key" : `its ${user.keys.length} access keys`} and its
            policies. Whatever signs in with them is refused from then on, and so are the tokens made with them.
          </p>
        </Ask>
      )}
    </section>
  );
}
