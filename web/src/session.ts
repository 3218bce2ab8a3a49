import { Client, type Credentials } from "./api/client";
import { Tokens } from "./api/tokens";
import { Store } from "./store";
import type { Zone } from "./time/format";

/** Someone who is signed in. */
export interface Session {
  client: Client;
  tokens: Tokens;
}

const SESSION_KEY = "kinetoscope.session";
const ZONE_KEY = "kinetoscope.zone";

export const session = new Store<Session | null>(null);
/** Why there is no session any more; shown on the sign-in page. */
export const refusal = new Store<string | null>(null);

export const zone = new Store<Zone>(localStorage.getItem(ZONE_KEY) === "utc" ? "utc" : "local");
zone.subscribe(() => localStorage.setItem(ZONE_KEY, zone.value));

/** A session that has not been tried yet: the first refused request ends it. */
export function openSession(credentials: Credentials): Session {
  const client = new Client(credentials, () => {
    if (session.value?.client !== client) return;
    signOut();
    refusal.set("The server no longer accepts this access key.");
  });
  return { client, tokens: new Tokens((...scope) => client.token(...scope)) };
}

/** Takes the session into use and keeps it for this tab. */
export function signIn(opened: Session): void {
  sessionStorage.setItem(SESSION_KEY, JSON.stringify(opened.client.credentials));
  refusal.set(null);
  session.set(opened);
}

export function signOut(): void {
  sessionStorage.removeItem(SESSION_KEY);
  session.set(null);
}

/** The session this tab had before it was reloaded. */
export function restoreSession(): void {
  try {
    const kept = JSON.parse(sessionStorage.getItem(SESSION_KEY) ?? "null") as Credentials | null;
    if (kept && typeof kept.id === "string" && typeof kept.secret === "string") session.set(openSession(kept));
  } catch {
    sessionStorage.removeItem(SESSION_KEY);
  }
}
