import { useState } from "preact/hooks";
import { ApiError, describeError } from "../api/error";
import { openSession, refusal, signIn } from "../session";
import { useStore } from "../store";

export function SignIn() {
  const [id, setId] = useState("");
  const [secret, setSecret] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const ended = useStore(refusal);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const opened = openSession({ id: id.trim(), secret: secret.trim() });
      await opened.client.server();
      signIn(opened);
    } catch (thrown) {
      const refused = thrown instanceof ApiError && (thrown.status === 401 || thrown.status === 403);
      setError(refused ? "This access key id and secret do not belong together, or the key is not known." : describeError(thrown));
      setBusy(false);
    }
  };

  const said = error ?? ended;
  return (
    <main class="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <h1>
          <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" class="mark">
            <circle cx="16" cy="16" r="12" />
            <path d="M13 10.5v11l8.6-5.5z" />
          </svg>
          Kinetoscope
        </h1>
        <label>
          Access key id
          <input
            name="username"
            autocomplete="username"
            autocapitalize="off"
            spellcheck={false}
            required
            value={id}
            onInput={(event) => setId(event.currentTarget.value)}
          />
        </label>
        <label>
          Secret access key
          <input
            name="password"
            type="password"
            autocomplete="current-password"
            required
            value={secret}
            onInput={(event) => setSecret(event.currentTarget.value)}
          />
        </label>
        <div role="alert">{said && <p class="message error">{said}</p>}</div>
        <button type="submit" class="primary" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
        <p class="note">
          The server wrote both into the file <code>credentials</code> of its data directory when it first started. They
          are kept for this browser tab only.
        </p>
      </form>
    </main>
  );
}
