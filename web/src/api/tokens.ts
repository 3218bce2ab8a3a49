import type { TokenAnswer } from "./types";

/** A scoped token for media URLs, which players and download links fetch without our headers. */
export interface Token {
  text: string;
  expiresMs: number;
  /** The same as user name and password; null from a server that takes no RTSP. */
  rtsp: { username: string; password: string } | null;
}

type Mint = (stream: string, verbs: string[], seconds: number) => Promise<TokenAnswer>;

const LIFETIME_S = 3600;
/** Renewed this long before it ends, so that a slow download still starts in time. */
const RENEW_BEFORE_MS = 15 * 60_000;

/** Keeps one playback token per stream and renews it before it ends. */
export class Tokens {
  private readonly held = new Map<string, Token>();
  private readonly asked = new Map<string, Promise<Token>>();

  constructor(
    private readonly mint: Mint,
    private readonly now: () => number = Date.now,
  ) {}

  /** A token that is good for some while; one request serves all who wait. */
  play(stream: string): Promise<Token> {
    const token = this.held.get(stream);
    if (token && token.expiresMs - this.now() > RENEW_BEFORE_MS) return Promise.resolve(token);
    let asked = this.asked.get(stream);
    if (!asked) {
      asked = this.mint(stream, ["play"], LIFETIME_S)
        .then((answer) => {
          const fresh = readToken(answer);
          this.held.set(stream, fresh);
          return fresh;
        })
        .finally(() => this.asked.delete(stream));
      this.asked.set(stream, asked);
    }
    return asked;
  }

  /** The server no longer accepts what it gave: ask anew. */
  forget(stream: string): void {
    this.held.delete(stream);
  }
}

export function readToken(answer: TokenAnswer): Token {
  const at = answer.expires_at;
  return { text: answer.token, expiresMs: typeof at === "number" ? at : Date.parse(at), rtsp: answer.rtsp ?? null };
}
