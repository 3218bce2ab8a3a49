import { useState } from "preact/hooks";
import { describeError } from "../api/error";
import { Ask, TextField } from "../pieces/ask";
import { Icon } from "../pieces/icons";
import type { KeyProps } from "./key-page";

/** The names that clients know the key by. */
export function Aliases({ kms, read: { key, aliases }, onChanged }: KeyProps) {
  const [adding, setAdding] = useState(false);
  const [alias, setAlias] = useState("");
  const [error, setError] = useState<string | null>(null);
  const remove = async (name: string) => {
    try {
      await kms.removeAlias(name);
      setError(null);
      onChanged();
    } catch (thrown) {
      setError(describeError(thrown));
    }
  };
  const add = async () => {
    await kms.addAlias(`alias/${alias.replace(/^alias\//, "")}`, key.KeyId);
    setAlias("");
    onChanged();
  };
  return (
    <section aria-labelledby="aliases-title">
      <div class="section-head">
        <h2 id="aliases-title">Aliases</h2>
        <button type="button" onClick={() => setAdding(true)}>
          <Icon name="plus" /> Add an alias
        </button>
      </div>
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
      {aliases.length === 0 && <p class="message">None: clients name it by its id.</p>}
      <ul class="panel">
        {aliases.map(({ AliasName: name }) => (
          <li key={name}>
            <code>{name}</code>
            {!name.startsWith("alias/aws/") && (
              <button type="button" aria-label={`Remove ${name}`} onClick={() => void remove(name)}>
                Remove
              </button>
            )}
          </li>
        ))}
      </ul>
      {adding && (
        <Ask title="Add an alias" action="Add" act={add} onClose={() => setAdding(false)}>
          <TextField label="Alias" name="alias" value={alias} onValue={setAlias} />
        </Ask>
      )}
    </section>
  );
}
