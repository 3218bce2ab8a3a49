// A camera's address while somebody types it.
import type { Source, SourceSettings, Transport, TriedSettings } from "../api/types";

export interface SourceDraft {
  url: string;
  username: string;
  password: string;
  transport: Transport;
  verify: boolean;
  /** The stream whose camera it is already: what is not said stays as it is. */
  stream: string | null;
  /** The server has a password for it, which it does not show. */
  hasPassword: boolean;
}

export const EMPTY_DRAFT: SourceDraft = {
  url: "",
  username: "",
  password: "",
  transport: "tcp",
  verify: true,
  stream: null,
  hasPassword: false,
};

/** Stands for a password that is not shown. Given back to the server, it stays. */
const HIDDEN = "***";

const ADDRESS = /^(rtsps?:\/\/)(?:([^@/]*)@)?([^@/?#\s]+)(\S*)$/i;

/** What is known of a stream's source, to be changed. */
export function draftOf(stream: string, { url, transport, verify_certificate: verify }: Source): SourceDraft {
  const draft = tidied({ ...EMPTY_DRAFT, url: url ?? "", transport, verify, stream });
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
  const settings = typedSettingsOf(draft);
  if (keepsPassword(draft)) return { ...settings, password: HIDDEN };
  // Without a word of the user name, the old one would stay.
  return draft.stream !== null && settings.username === undefined ? { ...settings, username: "" } : settings;
}

/** For a test. A password that is kept is that of the stream. */
export function triedSettingsOf(draft: SourceDraft): TriedSettings {
  const settings = typedSettingsOf(draft);
  return draft.stream !== null && keepsPassword(draft) ? { ...settings, password: HIDDEN, stream: draft.stream } : settings;
}

function typedSettingsOf(draft: SourceDraft): SourceSettings {
  const { url, username, password, transport, verify } = tidied(draft);
  const settings: SourceSettings = { url, transport };
  if (username !== "" || password !== "") Object.assign(settings, { username, password });
  if (isEncrypted(url)) settings.verify_certificate = verify;
  return settings;
}

function keepsPassword(draft: SourceDraft): boolean {
  const { username, password } = tidied(draft);
  return draft.hasPassword && username !== "" && password === "";
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
