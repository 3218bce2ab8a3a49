import { useEffect, useState } from "preact/hooks";

/** One observable value. */
export class Store<T> {
  private readonly listeners = new Set<() => void>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  set(next: T): void {
    if (Object.is(next, this.current)) return;
    this.current = next;
    for (const listener of [...this.listeners]) listener();
  }

  /** Changes some fields of an object value; nobody is woken when they already are so. */
  patch(changes: Partial<T>): void {
    const fields = Object.keys(changes) as (keyof T)[];
    if (fields.some((field) => !Object.is(this.current[field], changes[field]))) {
      this.set({ ...this.current, ...changes });
    }
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** Re-renders the component when the store's value changes. */
export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(() => store.value);
  useEffect(() => {
    setValue(() => store.value);
    return store.subscribe(() => setValue(() => store.value));
  }, [store]);
  return value;
}
