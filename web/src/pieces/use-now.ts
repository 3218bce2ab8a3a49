import { useEffect, useState } from "preact/hooks";

/** The local time, renewed every `everyMs`, so that what depends on it ticks. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
