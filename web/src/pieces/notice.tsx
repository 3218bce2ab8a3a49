import { Store, useStore } from "../store";

const SHOWN_MS = 4000;

const current = new Store<string | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;

/** Says something for a few seconds, on screen and to screen readers. */
export function notify(text: string): void {
  clearTimeout(timer);
  current.set(text);
  timer = setTimeout(() => current.set(null), SHOWN_MS);
}

export function Notice() {
  const text = useStore(current);
  return (
    <div class="notice" role="status" aria-live="polite">
      {text && <p>{text}</p>}
    </div>
  );
}
