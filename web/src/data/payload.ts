/** Longer data is cut on screen. */
const SHOWN_BYTES_MAX = 4096;

export type Shape = "text" | "hex";

/** The bytes of a base64 text. */
export function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** As text, with signs for what is not text; or as hex. */
export function shown(bytes: Uint8Array, shape: Shape): string {
  const part = bytes.subarray(0, SHOWN_BYTES_MAX);
  const text = shape === "hex" ? hex(part) : new TextDecoder().decode(part).replace(/[^\P{Cc}\n\t]/gu, "\u{fffd}");
  return part.length < bytes.length ? `${text}…` : text;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
