import { useState } from "preact/hooks";
import { describeError } from "../api/error";
import type { User, Users } from "../api/users";
import { Ask, TextField } from "../pieces/ask";
import { Icon } from "../pieces/icons";
import { notify } from "../pieces/notice";
import { STARTING_POINTS } from "./starting-points";

interface Props {
  users: Users;
  user: User;
  onChanged: () => void;
}

interface Draft {
  /** Null: a new one. */
  policy: string | null;
  text: string;
}

/** What the user may do. */
export function Policies({ users, user, onChanged }: Props) {
  const [draft, setDraft] = useState<Draft | null>(null);
  const [leaving, setLeaving] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const edit = async (policy: string) => {
    try {
      setDraft({ policy, text: await users.policy(user.name, policy) });
      setError(null);
    } catch (thrown) {
      setError(describeError(thrown));
    }
  };
  return (
    <section aria-labelledby="policies-title">
      <div class="section-head">
        <h2 id="policies-title">Policies</h2>
        <button type="button" onClick={() => setDraft({ policy: null, text: STARTING_POINTS[0]!.text })}>
          <Icon name="plus" /> Attach a policy
        </button>
      </div>
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
      {user.policies.length === 0 && <p class="message">None: it may do nothing.</p>}
      <ul class="panel policies">
        {user.policies.map((policy) => (
          <li key={policy} data-policy={policy}>
            <strong>{policy}</strong>
            <span class="row-tools">
              <button type="button" aria-label={`Edit ${policy}`} onClick={() => void edit(policy)}>
                Edit
              </button>
              <button type="button" class="danger" aria-label={`Detach ${policy}`} onClick={() => setLeaving(policy)}>
                Detach
              </button>
            </span>
          </li>
        ))}
      </ul>
      {draft && <Editor users={users} user={user} draft={draft} onClose={() => setDraft(null)} onChanged={onChanged} />}
      {leaving && (
        <Ask
          title="Detach a policy"
          action="Detach it"
          danger
          act={async () => {
            await users.removePolicy(user.name, leaving);
            onChanged();
          }}
          onClose={() => setLeaving(null)}
        >
          <p>
            What {leaving} allows {user.name}, no other policy allowing it, is refused from then on. The text of the policy is
            not kept.
          </p>
        </Ask>
      )}
    </section>
  );
}

interface EditorProps extends Props {
  draft: Draft;
  onClose: () => void;
}

/** The policy as JSON. The server says where it is wrong. */
function Editor({ users, user, draft, onClose, onChanged }: EditorProps) {
  const [name, setName] = useState(draft.policy ?? "");
  const [text, setText] = useState(draft.text);
  const isNew = draft.policy === null;
  const act = async () => {
    await users.putPolicy(user.name, name, text);
    notify(`${name} is attached to ${user.name}.`);
    onChanged();
  };
  return (
    <Ask title={isNew ? "Attach a policy" : `Policy ${name}`} action={isNew ? "Attach" : "Save"} wide act={act} onClose={onClose}>
      {isNew && (
        <>
          <TextField label="Name" name="policy" value={name} onValue={setName} />
          <label>
            Begin with
            <select name="starting-point" onChange={(event) => setText(STARTING_POINTS[event.currentTarget.selectedIndex]!.text)}>
              {STARTING_POINTS.map(({ title }) => (
                <option key={title}>{title}</option>
              ))}
            </select>
          </label>
        </>
      )}
      <label class="whole">
        Policy, as JSON
        <textarea
          name="policy-text"
          rows={16}
          required
          autocapitalize="off"
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
    </Ask>
  );
}
