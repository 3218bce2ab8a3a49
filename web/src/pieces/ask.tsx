import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { describeError } from "../api/error";
import { Dialog } from "./dialog";

interface Props {
  title: string;
  /** What the button says that does it. */
  action: string;
  /** It takes something away. */
  danger?: boolean;
  wide?: boolean;
  /** What must be typed before it can be done. */
  confirm?: string | undefined;
  /** Does it. What it throws is shown, and the dialog stays. */
  act: () => Promise<unknown>;
  onClose: () => void;
  /** What there is to know, and fields. */
  children: ComponentChildren;
}

/** A question with fields or without, and what is done when it is agreed to. */
export function Ask({ title, action, danger = false, wide = false, confirm, act, onClose, children }: Props) {
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await act();
      onClose();
    } catch (thrown) {
      setError(describeError(thrown));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} wide={wide}>
      <form onSubmit={(event) => void submit(event)}>
        {children}
        {confirm !== undefined && <Confirm name={confirm} typed={typed} onTyped={setTyped} />}
        <div role="alert">{error && <p class="message error">{error}</p>}</div>
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={danger ? "danger" : "primary"} disabled={busy || (confirm !== undefined && typed !== confirm)}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** A field for a name that must be typed, so that nothing goes by a slip. */
export function Confirm({ name, typed, onTyped }: { name: string; typed: string; onTyped: (typed: string) => void }) {
  return (
    <label>
      <span>
        Type <strong>{name}</strong> to confirm
      </span>
      <input
        name="confirm"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        value={typed}
        onInput={(event) => onTyped(event.currentTarget.value)}
      />
    </label>
  );
}

interface TextFieldProps {
  label: string;
  name: string;
  value: string;
  onValue: (value: string) => void;
  required?: boolean;
}

/** A field for a name or the like. */
export function TextField({ label, name, value, onValue, required = true }: TextFieldProps) {
  return (
    <label>
      {label}
      <input
        name={name}
        required={required}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    </label>
  );
}
