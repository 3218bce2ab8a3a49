// Where programs that push over RTSP reach the server.
import type { ServerInfo } from "../api/types";

export interface RtspDoor {
  /** `rtsp://host:port`; null where RTSP is not taken in. */
  origin: string | null;
  /** What a person should know about it. */
  note: string | null;
}

const LOOPBACK = /^(localhost|127\..*|\[::1\])$/;
const EVERYWHERE = /^(0\.0\.0\.0|\[::\])$/;

/** As seen from a browser that reached the server under this host name. */
export function rtspDoor(info: ServerInfo | null, hostname: string): RtspDoor {
  const { listen, tls, error } = info?.rtsp ?? { listen: null, tls: false, error: null };
  const [, host, port] = /^(.*):(\d+)$/.exec(listen ?? "") ?? [];
  if (!host || !port) return { origin: null, note: error && `Cameras cannot push over RTSP: ${error}` };
  const scheme = tls ? "rtsps" : "rtsp";
  const within = LOOPBACK.test(host);
  if (within && !LOOPBACK.test(hostname)) {
    const note = `RTSP is taken in on ${listen} only, which other machines do not reach. Start the server with --rtsp-listen 0.0.0.0:${port} to change that.`;
    return { origin: `${scheme}://${host}:${port}`, note };
  }
  return { origin: `${scheme}://${EVERYWHERE.test(host) ? hostname : host}:${port}`, note: null };
}
