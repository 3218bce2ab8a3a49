import { DAY, HOUR, MINUTE, SECOND, type Zone, isoDate, zoneOffset } from "./format";

const RELATIVE_UNITS: Record<string, number> = { s: SECOND, m: MINUTE, min: MINUTE, h: HOUR, d: DAY };

/**
 * Reads what a person types to go to a time: `14:05`, `14:05:09.5`, `2026-11-22 14:05`, RFC 3339, epoch seconds,
 * `-10m`, `now`, `yesterday 14:05`. A time without a date is the latest such time that is not in the future.
 * Null when it is none of these.
 */
export function parseInstant(text: string, nowMs: number, zone: Zone): number | null {
  const input = text.trim().toLowerCase();
  if (input === "now" || input === "live") return nowMs;
  return relative(input, nowMs) ?? epoch(input) ?? timeOfDay(input, nowMs, zone) ?? dated(input, zone);
}

function relative(input: string, nowMs: number): number | null {
  const match = /^[-−]\s*(\d+(?:\.\d+)?)\s*(s|min|m|h|d)$/.exec(input);
  const unit = match ? RELATIVE_UNITS[match[2] ?? ""] : undefined;
  return match && unit ? nowMs - Number(match[1]) * unit : null;
}

function epoch(input: string): number | null {
  return /^\d{9,11}(\.\d+)?$/.test(input) ? Number(input) * SECOND : null;
}

function timeOfDay(input: string, nowMs: number, zone: Zone): number | null {
  const match = /^(yesterday\s+)?(\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)$/.exec(input);
  if (!match) return null;
  const at = dated(`${isoDate(nowMs, zone)} ${match[2]}`, zone);
  if (at === null) return null;
  if (match[1]) return at - DAY;
  return at > nowMs ? at - DAY : at;
}

function dated(input: string, zone: Zone): number | null {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[t ](\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?)?\s*(z|[+-]\d{2}:\d{2})?$/.exec(input);
  if (!match) return null;
  const [, date, hour = "0", minute = "0", second = "0", offset] = match;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) >= 60) return null;
  const midnight = Date.parse(`${date}T00:00:00${offset && offset !== "z" ? offset : "Z"}`);
  if (Number.isNaN(midnight)) return null;
  const at = midnight + Number(hour) * HOUR + Number(minute) * MINUTE + Math.round(Number(second) * SECOND);
  return offset ? at : at - zoneOffset(at, zone);
}
