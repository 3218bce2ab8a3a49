import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Client } from "../api/client";
import { describeError } from "../api/error";
import type { VideoInfo } from "../api/types";

const EVERY_MS = 3000;

export interface StreamsRead {
  /** Null before the first answer. */
  streams: VideoInfo[] | null;
  /** Local time of the answer, from which ages go on. */
  atMs: number;
  error: string | null;
  refresh: () => void;
}

/** The list of streams, read again and again while the page is visible. */
export function useStreams(client: Client): StreamsRead {
  const [read, setRead] = useState<Omit<StreamsRead, "refresh">>({ streams: null, atMs: 0, error: null });
  const readNow = useRef<() => void>(() => undefined);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let stopped = false;
    const poll = async () => {
      clearTimeout(timer);
      try {
        if (!document.hidden) {
          const streams = await client.streams();
          if (!stopped) setRead({ streams, atMs: Date.now(), error: null });
        }
      } catch (thrown) {
        if (!stopped) setRead((before) => ({ ...before, error: describeError(thrown) }));
      }
      if (!stopped) timer = setTimeout(() => void poll(), EVERY_MS);
    };
    readNow.current = () => void poll();
    void poll();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [client]);
  return { ...read, refresh: useCallback(() => readNow.current(), []) };
}
