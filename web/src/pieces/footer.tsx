import { useEffect, useState } from "preact/hooks";
import type { Client } from "../api/client";
import type { ServerInfo } from "../api/types";
import { SECOND, bytes, duration } from "../time/format";

const READ_EVERY_MS = 30 * SECOND;

/** One line about the server. */
export function Footer({ client }: { client: Client }) {
  const [info, setInfo] = useState<ServerInfo | null>(null);
  useEffect(() => {
    // Decoration: when it cannot be read, the pages say so themselves.
    const read = () => void client.server().then(setInfo, () => setInfo(null));
    read();
    const timer = setInterval(read, READ_EVERY_MS);
    return () => clearInterval(timer);
  }, [client]);
  if (!info) return <footer class="bottom" />;
  const { storage } = info;
  return (
    <footer class="bottom">
      <span>Kinetoscope {info.version}</span>
      <span>up {duration(info.uptime_s * SECOND)}</span>
      {storage && (
        <span class="storage">
          <meter min={0} max={storage.total_bytes} value={storage.total_bytes - storage.free_bytes} aria-label="Disk in use" />
          {bytes(storage.used_bytes)} of footage, {bytes(storage.free_bytes)} free
        </span>
      )}
    </footer>
  );
}
