import { useState } from "preact/hooks";
import { Dialog } from "../pieces/dialog";
import { type Zone, dateTime, zoneName } from "../time/format";
import { parseInstant } from "../time/parse";

interface Props {
  nowMs: number;
  zone: Zone;
  onGo: (ms: number) => void;
  onClose: () => void;
}

export function GoTo({ nowMs, zone, onGo, onClose }: Props) {
  const [text, setText] = useState("");
  const at = parseInstant(text, nowMs, zone);
  return (
    <Dialog title="Go to a time" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (at !== null) onGo(at);
        }}
      >
        <label>
          Time, {zoneName(nowMs, zone)}
          <input
            name="time"
            autocomplete="off"
            spellcheck={false}
            placeholder="14:05:30"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <small>
            <code>14:05</code>, <code>yesterday 14:05:30</code>, <code>2026-11-22 14:05</code>, <code>-10m</code>, RFC 3339 or
            epoch seconds.
          </small>
        </label>
        <p class="note" role="status">
          {text === "" ? " " : at === null ? "Not a time yet." : dateTime(at, zone)}
        </p>
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={at === null}>
            Go
          </button>
        </div>
      </form>
    </Dialog>
  );
}
