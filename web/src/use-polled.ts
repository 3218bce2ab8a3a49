import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { describeError } from "./api/error";

export interface Polled<T> {
  /** Null before the first answer. */
  value: T | null;
  /** Local time of that answer, from which ages go on. */
  atMs: number;
  error: string | null;
  refresh: () => void;
}

/** What `read` gives, read again and again while the page is visible. `read` must not change from one render to the next. */
export function usePolled<T>(read: () => Promise<T>, everyMs: number): Polled<T> {
  const [state, setState] = useState<Omit<Polled<T>, "refresh">>({ value: null, atMs: 0, error: null });
  const readNow = useRef<() => void>(() => undefined);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let latest = 0;
    let stopped = false;
    const poll = async () => {
      clearTimeout(timer);
      if (stopped) return;
      const own = ++latest;
      try {
        if (!document.hidden) {
          const value = await read();
          if (own === latest) setState({ value, atMs: Date.now(), error: null });
        }
      } catch (thrown) {
        if (own === latest) setState((before) => ({ ...before, error: describeError(thrown) }));
      }
      if (own === latest) timer = setTimeout(() => void poll(), everyMs);
    };
    readNow.current = () => void poll();
    void poll();
    return () => {
      stopped = true;
      latest += 1;
      clearTimeout(timer);
    };
  }, [read, everyMs]);
  return { ...state, refresh: useCallback(() => readNow.current(), []) };
}
