import { useEffect, useState } from "preact/hooks";
import type { Client } from "../api/client";
import type { VideoInfo } from "../api/types";
import { Icon } from "../pieces/icons";
import { SECOND } from "../time/format";

const READ_EVERY_MS = 20 * SECOND;
/** A stream that just became live has no complete fragment yet. */
const RETRY_MS = 4 * SECOND;

/** The newest picture of a stream; asked for only while the row is on screen. */
export function Preview({ client, info, visible }: { client: Client; info: VideoInfo; visible: boolean }) {
  const [url, setUrl] = useState<string | null>(null);
  const { name, state } = info;
  useEffect(() => {
    if (!visible || state === "empty") return undefined;
    const wanted = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const read = async () => {
      let waitMs = READ_EVERY_MS;
      try {
        const blob = await client.picture(name, null, { width: 320, mode: "keyframe" }, wanted.signal);
        setUrl(URL.createObjectURL(blob));
      } catch {
        waitMs = RETRY_MS;
      }
      const again = !wanted.signal.aborted && (state === "live" || waitMs === RETRY_MS);
      if (again) timer = setTimeout(() => void read(), waitMs);
    };
    void read();
    return () => {
      clearTimeout(timer);
      wanted.abort();
    };
  }, [client, name, state, visible]);
  useEffect(() => () => void (url && URL.revokeObjectURL(url)), [url]);
  return <span class="preview">{url ? <img src={url} alt="" /> : <Icon name="camera" />}</span>;
}
