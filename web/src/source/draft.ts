// A camera's address while somebody types it.
import type { Source, SourceSettings, Transport } from "../api/types";

export interface SourceDraft {
  url: string;
  username: string;
  password: string;
  transport: Transport;
  verify: boolean;
  /** The server has a password for it, which it does not show. */
  hasPassword: boolean;
}

export const EMPTY_DRAFT: SourceDraft = {
  url: "",
  username: "",
  password: "",
  transport: "tcp",
  verify: true,
  hasPassword: false,
};

/** Stands for a password that is not shown. Given back to the server, it stays. */
const HIDDEN = "***";

const ADDRESS = /^(rtsps?:\/\/)(?:([^@/]*)@)?([^@/?#\s]+)(\S*)$/i;

/** What is known of a source, to be changed. */
export function draftOf({ url, transport, verify_certificate: verify }: Source): SourceDraft {
  const draft = tidied({ ...EMPTY_DRAFT, url: url ?? "", transport, verify });
  return draft.password === HIDDEN ? { ...draft, password: "", hasPassword: true } : draft;
}

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

/** For the server to keep. */
export function settingsOf(draft: SourceDraft): SourceSettings {
  const settings = triedSettingsOf(draft);
  const keeps = draft.hasPassword && settings.username !== undefined && settings.password === "";
  return keeps ? { ...settings, password: HIDDEN } : settings;
}

/** For a test, which knows nothing of a password that is kept. */
export function triedSettingsOf(draft: SourceDraft): SourceSettings {
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
