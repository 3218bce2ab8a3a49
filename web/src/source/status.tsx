import { useState } from "preact/hooks";
import type { Client } from "../api/client";
import { describeError, sentence } from "../api/error";
import type { VideoInfo } from "../api/types";
import { useNow } from "../pieces/use-now";
import { SECOND } from "../time/format";
import { stateText } from "./words";

interface Props {
  client: Client;
  info: VideoInfo;
  /** The server's clock. */
  nowMs: () => number;
  onChanged: () => void;
}

/** How the calls for a stream's camera go, with a button to end or begin them; of one that is pushed to, only warnings. */
export function SourceStatus({ client, info, nowMs, onChanged }: Props) {
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  useNow(SECOND);
  const { source, rtp } = info;
  if (!source) return rtp?.warning ? <p class="message warning">{rtp.warning}</p> : null;
  const set = async (calling: boolean) => {
    setBusy(true);
    try {
      await client.setCalling(info.name, calling);
      setError(null);
      onChanged();
    } catch (thrown) {
      setError(describeError(thrown));
    }
    setBusy(false);
  };
  return (
    <section class="source" aria-label="The camera this stream is pulled from">
      <div class="source-line">
        <span class={`source-state ${source.state}`} role="status">
          {stateText(source, nowMs())}
        </span>
        <code>{source.url ?? ""}</code>
        <button type="button" disabled={busy} onClick={() => void set(!source.enabled)}>
          {source.enabled ? "Stop" : "Start"}
        </button>
        {source.state === "waiting" && (
          <button type="button" disabled={busy} onClick={() => void set(true)}>
            Try now
          </button>
        )}
      </div>
      {source.enabled && source.error && <p class="message error">{sentence(source.error)}</p>}
      {[source.warning, rtp?.warning].map((warning) => warning && <p class="message warning">{warning}</p>)}
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
    </section>
  );
}
