import { useState } from "preact/hooks";
import { describeError } from "../api/error";
import type { AccessKey, NewAccessKey, User, Users } from "../api/users";
import { Ask } from "../pieces/ask";
import { Code } from "../pieces/code";
import { Dialog } from "../pieces/dialog";
import { Icon } from "../pieces/icons";
import { notify } from "../pieces/notice";
import { type Zone, dateTime } from "../time/format";
import { usedText } from "./users-page";

interface Props {
  users: Users;
  user: User;
  atMs: number;
  shownZone: Zone;
  onChanged: () => void;
}

/** What the user signs in with. */
export function AccessKeys({ users, user, atMs, shownZone, onChanged }: Props) {
  const [made, setMade] = useState<NewAccessKey | null>(null);
  const [leaving, setLeaving] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const change = async (work: () => Promise<void>) => {
    try {
      await work();
      setError(null);
      onChanged();
    } catch (thrown) {
      setError(describeError(thrown));
    }
  };
  const set = (key: AccessKey) =>
    change(async () => {
      await users.setKey(user.name, key.key_id, !key.enabled);
      notify(`${key.key_id} is ${key.enabled ? "disabled" : "enabled"}.`);
    });
  return (
    <section aria-labelledby="access-keys-title">
      <div class="section-head">
        <h2 id="access-keys-title">Access keys</h2>
        <button type="button" onClick={() => void change(async () => setMade(await users.createKey(user.name)))}>
          <Icon name="plus" /> Make an access key
        </button>
      </div>
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
      {user.keys.length === 0 && <p class="message">None: it cannot sign in.</p>}
      {user.keys.length > 0 && (
        <table class="panel">
          <thead>
            <tr>
              <th scope="col">Access key id</th>
              <th scope="col">State</th>
              <th scope="col">Made</th>
              <th scope="col">Last used</th>
              <th scope="col">
                <span class="visually-hidden">Change</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {user.keys.map((key) => (
              <tr key={key.key_id} data-key={key.key_id}>
                <th scope="row">
                  <code>{key.key_id}</code>
                </th>
                <td>{key.enabled ? "● Enabled" : "○ Disabled"}</td>
                <td>
                  <small class="unit">made </small>
                  {dateTime(key.created_ms, shownZone)}
                </td>
                <td>
                  <small class="unit">last used </small>
                  {usedText(key.last_used_ms, atMs)}
                </td>
                <td class="row-tools">
                  <button type="button" aria-label={`${key.enabled ? "Disable" : "Enable"} ${key.key_id}`} onClick={() => void set(key)}>
                    {key.enabled ? "Disable" : "Enable"}
                  </button>
                  <button type="button" class="danger" aria-label={`Delete ${key.key_id}`} onClick={() => setLeaving(key.key_id)}>
                    Delete
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {made && <Made user={user.name} made={made} onClose={() => setMade(null)} />}
      {leaving && (
        <Ask
          title="Delete an access key"
          action="Delete it"
          danger
          act={async () => {
            await users.removeKey(user.name, leaving);
            onChanged();
          }}
          onClose={() => setLeaving(null)}
        >
          <p>
            Whatever signs in with {leaving} is refused from then on, and so are the tokens made with it. To try first what
            would break, disable it.
          </p>
        </Ask>
      )}
    </section>
  );
}

/** The secret, this once. */
function Made({ user, made, onClose }: { user: string; made: NewAccessKey; onClose: () => void }) {
  return (
    <Dialog title={`An access key of ${user}`} wide onClose={onClose}>
      <p class="message warning">The secret is shown this once. Nobody can look it up later.</p>
      <Code title="Access key id" text={made.key_id} />
      <Code title="Secret access key" text={made.secret} />
      <Code
        title="For AWS clients"
        text={`export AWS_ACCESS_KEY_ID=${made.key_id}\nexport AWS_SECRET_ACCESS_KEY=${made.secret}\nexport AWS_ENDPOINT_URL=${location.origin}`}
      />
      <div class="actions">
        <button type="button" class="primary" onClick={onClose}>
          I have kept it
        </button>
      </div>
    </Dialog>
  );
}
