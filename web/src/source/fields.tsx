import type { SourceDraft } from "./draft";
import { isEncrypted, problemOf, tidied } from "./draft";

interface Props {
  draft: SourceDraft;
  onDraft: (draft: SourceDraft) => void;
}

/** Where a camera is and how to sign in to it. */
export function SourceFields({ draft, onDraft }: Props) {
  const set = (change: Partial<SourceDraft>) => onDraft({ ...draft, ...change });
  return (
    <>
      <label>
        Address
        <input
          name="source-url"
          type="url"
          required
          maxLength={2048}
          placeholder="rtsp://192.168.1.20:554/stream1"
          autocapitalize="off"
          autocomplete="off"
          spellcheck={false}
          value={draft.url}
          ref={(input) => input?.setCustomValidity(draft.url === "" ? "" : (problemOf(draft.url) ?? ""))}
          onInput={(event) => set({ url: event.currentTarget.value })}
          onChange={() => onDraft(tidied(draft))}
        />
      </label>
      <div class="pair">
        <label>
          User name
          <input
            name="source-username"
            maxLength={256}
            autocapitalize="off"
            autocomplete="off"
            spellcheck={false}
            value={draft.username}
            onInput={(event) => set({ username: event.currentTarget.value })}
          />
        </label>
        <label>
          Password
          <input
            name="source-password"
            type="password"
            maxLength={256}
            autocomplete="new-password"
            placeholder={draft.hasPassword ? "stays as it is" : ""}
            value={draft.password}
            onInput={(event) => set({ password: event.currentTarget.value })}
          />
        </label>
      </div>
      <label>
        Transport
        <select
          name="source-transport"
          value={draft.transport}
          onChange={(event) => set({ transport: event.currentTarget.value === "udp" ? "udp" : "tcp" })}
        >
          <option value="tcp">TCP: nothing is lost</option>
          <option value="udp">UDP: for cameras that cannot do TCP</option>
        </select>
      </label>
      {isEncrypted(draft.url) && (
        <label class="inline">
          <input
            type="checkbox"
            checked={draft.verify}
            onChange={(event) => set({ verify: event.currentTarget.checked })}
          />
          Check the camera's certificate
        </label>
      )}
    </>
  );
}
