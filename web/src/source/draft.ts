// A camera's address while somebody types it.
import type { SourceSettings, Transport } from "../api/types";

export interface SourceDraft {
  url: string;
  username: string;
  password: string;
  transport: Transport;
  verify: boolean;
}

export const EMPTY_DRAFT: SourceDraft = { url: "", username: "", password: "", transport: "tcp", verify: true };

const ADDRESS = /^(rtsps?:\/\/)(?:([^@/]*)@)?([^@/?#\s]+)(\S*)$/i;

/** Moves a user name and a password out of the address, so that the password is not read over a shoulder. */
export function tidied(draft: SourceDraft): SourceDraft {
  const url = draft.url.trim();
  const [, scheme, signIn, host, rest = ""] = ADDRESS.exec(url) ?? [];
  if (scheme === undefined || signIn === undefined) return { ...draft, url };
  const [username = "", ...password] = signIn.split(":");
  return { ...draft, url: `${scheme}${host}${rest}`, username: decoded(username), password: decoded(password.join(":")) };
}

/** What to say of the address, in words; null when it can be tried. */
export function problemOf(url: string): string | null {
  if (ADDRESS.test(url.trim())) return null;
  return "A camera's address looks like rtsp://192.168.1.20:554/stream1; its manual says which path.";
}

export function isEncrypted(url: string): boolean {
  return /^\s*rtsps:/i.test(url);
}

export function settingsOf(draft: SourceDraft): SourceSettings {
  const { url, username, password, transport, verify } = tidied(draft);
  const settings: SourceSettings = { url, transport };
  if (username !== "" || password !== "") Object.assign(settings, { username, password });
  if (isEncrypted(url)) settings.verify_certificate = verify;
  return settings;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
