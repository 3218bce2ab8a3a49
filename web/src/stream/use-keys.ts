import { useEffect, useRef } from "preact/hooks";
import { type Actions, keyFor } from "./keys";

/** Gives the page's keys to `actions`; Escape to `onEscape`. */
export function useKeys(actions: Actions, onEscape: () => void): void {
  // The listener is attached once and must see the newest actions.
  const latest = useRef({ actions, onEscape });
  latest.current = { actions, onEscape };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) latest.current.onEscape();
      const key = keyFor(event);
      if (!key) return;
      event.preventDefault();
      key.run(latest.current.actions);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
