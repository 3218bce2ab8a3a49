import type { Client, PictureOptions } from "../api/client";

const KEPT_MAX = 120;
const AT_ONCE_MAX = 2;

interface Waiting {
  start: () => void;
  signal: AbortSignal;
}

/** Still pictures as object URLs: the newest are kept, and only a few are asked for at once. */
export class Pictures {
  private readonly kept = new Map<string, string>();
  private readonly waiting: Waiting[] = [];
  private running = 0;
  private closed = false;

  constructor(
    private readonly client: Client,
    private readonly name: string,
  ) {}

  /** What is already here, at no cost. */
  peek(atMs: number, options: PictureOptions): string | null {
    return this.kept.get(keyOf(atMs, options)) ?? null;
  }

  /** Rejects with the server's reason, or an AbortError once `signal` says so. */
  async get(atMs: number | null, options: PictureOptions, signal: AbortSignal): Promise<string> {
    const key = atMs === null ? null : keyOf(atMs, options);
    const known = key === null ? undefined : this.kept.get(key);
    if (known !== undefined) return known;
    await this.admit(signal);
    try {
      const blob = await this.client.picture(this.name, atMs, options, signal);
      const url = URL.createObjectURL(blob);
      this.keep(key ?? `latest ${performance.now()}`, url);
      return url;
    } finally {
      this.running -= 1;
      this.next();
    }
  }

  close(): void {
    this.closed = true;
    for (const url of this.kept.values()) URL.revokeObjectURL(url);
    this.kept.clear();
  }

  private keep(key: string, url: string): void {
    if (this.closed) {
      URL.revokeObjectURL(url);
      return;
    }
    this.kept.set(key, url);
    for (const [oldest, oldUrl] of this.kept) {
      if (this.kept.size <= KEPT_MAX) break;
      this.kept.delete(oldest);
      URL.revokeObjectURL(oldUrl);
    }
  }

  private admit(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      // What was asked last is what the person looks at now, so it goes first.
      this.waiting.push({ start: resolve, signal });
      signal.addEventListener("abort", () => reject(new DOMException("no longer wanted", "AbortError")));
      this.next();
    });
  }

  private next(): void {
    while (this.running < AT_ONCE_MAX) {
      const latest = this.waiting.pop();
      if (!latest) return;
      if (latest.signal.aborted) continue;
      this.running += 1;
      latest.start();
    }
  }
}

function keyOf(atMs: number, options: PictureOptions): string {
  return `${Math.round(atMs)} ${options.mode ?? "exact"} ${options.width ?? 0}`;
}
