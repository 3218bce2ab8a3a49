import { useMemo, useCallback, useState } from "preact/hooks";
import { type AccessKey, type User, Users } from "../api/users";
import { Ask, TextField } from "../pieces/ask";
import { Icon } from "../pieces/icons";
import { Reading } from "../pieces/reading";
import { go, userHref } from "../router";
import { type Session, zone } from "../session";
import { useStore } from "../store";
import { type Zone, age, dateTime } from "../time/format";
import { usePolled } from "../use-polled";

const EVERY_MS = 5000;

/** Who may sign in besides root. */
export function UsersPage({ session: { client } }: { session: Session }) {
  const users = useMemo(() => new Users(client), [client]);
  const { value: all, error, atMs } = usePolled(useCallback(() => users.all(), [users]), EVERY_MS);
  const [adding, setAdding] = useState(false);
  return (
    <div class="page">
      <div class="page-head">
        <h1>Users</h1>
        {all && all.length > 0 && <p class="summary">{all.length} in all, and root</p>}
        <button type="button" class="primary" onClick={() => setAdding(true)}>
          <Icon name="plus" /> Add user
        </button>
      </div>
      <Reading error={error} waiting={all === null} />
      {all?.length === 0 && (
        <section class="first-push" aria-label="No users yet">
          <h2>No users yet</h2>
          <p>
            So far only the root key signs in, and it may do everything. A user has access keys of its own, and may do what
            its policies allow: give one to each camera, program and person.
          </p>
        </section>
      )}
      {all && all.length > 0 && <Table users={all} atMs={atMs} />}
      {adding && <NewUser users={users} onClose={() => setAdding(false)} />}
    </div>
  );
}

function Table({ users, atMs }: { users: User[]; atMs: number }) {
  const shownZone = useStore(zone);
  return (
    <table class="streams access">
      <thead>
        <tr>
          <th scope="col">User</th>
          <th scope="col">Access keys</th>
          <th scope="col">Last used</th>
          <th scope="col">Policies</th>
          <th scope="col">Made</th>
        </tr>
      </thead>
      <tbody>
        {users.map((user) => (
          <Row key={user.id} user={user} atMs={atMs} shownZone={shownZone} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ user, atMs, shownZone }: { user: User; atMs: number; shownZone: Zone }) {
  const used = user.keys.map((key) => key.last_used_ms ?? 0);
  return (
    <tr data-user={user.name}>
      <th scope="row" class="cell-name">
        <a href={userHref(user.name)}>{user.name}</a>
      </th>
      <td>
        <small class="unit">Keys: </small>
        {keysText(user.keys)}
      </td>
      <td>
        <small class="unit">Last used: </small>
        {usedText(Math.max(0, ...used), atMs)}
      </td>
      <td class="cell-wide">
        <small class="unit">Policies: </small>
        {user.policies.join(", ") || "none: may do nothing"}
      </td>
      <td class="number-left">
        <small class="unit">Made: </small>
        {dateTime(user.created_ms, shownZone)}
      </td>
    </tr>
  );
}

function keysText(keys: AccessKey[]): string {
  const enabled = keys.filter((key) => key.enabled).length;
  if (keys.length === 0) return "none";
  return enabled === keys.length ? String(enabled) : `${enabled} of ${keys.length} enabled`;
}

/** `4 min ago`. */
export function usedText(usedMs: number | null, nowMs: number): string {
  return usedMs ? `${age(nowMs - usedMs)} ago` : "never";
}

function NewUser({ users, onClose }: { users: Users; onClose: () => void }) {
  const [name, setName] = useState("");
  const act = async () => {
    await users.create(name);
    go(userHref(name));
  };
  return (
    <Ask title="Add a user" action="Add" act={act} onClose={onClose}>
      <TextField label="Name" name="user" value={name} onValue={setName} />
      <p class="note">It may do nothing until it has a policy, and signs in with an access key: both are made on its page.</p>
    </Ask>
  );
}
