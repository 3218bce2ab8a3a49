// Times and sizes as text. Every function takes the zone, so that the UTC/local switch reaches all of them.

export type Zone = "utc" | "local";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  ms: number;
}

/** Milliseconds to add to UTC to get the zone's wall clock at this instant. */
export function zoneOffset(ms: number, zone: Zone): number {
  return zone === "utc" ? 0 : -new Date(ms).getTimezoneOffset() * MINUTE;
}

function partsOf(ms: number, zone: Zone): Parts {
  const shifted = new Date(ms + zoneOffset(ms, zone));
  return {
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth(),
    day: shifted.getUTCDate(),
    hour: shifted.getUTCHours(),
    minute: shifted.getUTCMinutes(),
    second: shifted.getUTCSeconds(),
    ms: shifted.getUTCMilliseconds(),
  };
}

function pad(value: number, digits = 2): string {
  return String(value).padStart(digits, "0");
}

/** `14:05:09`, with `precise` `14:05:09.250`. */
export function clockTime(ms: number, zone: Zone, precise = false): string {
  const p = partsOf(ms, zone);
  const time = `${pad(p.hour)}:${pad(p.minute)}:${pad(p.second)}`;
  return precise ? `${time}.${pad(p.ms, 3)}` : time;
}

/** `14:05`. */
export function shortTime(ms: number, zone: Zone): string {
  const p = partsOf(ms, zone);
  return `${pad(p.hour)}:${pad(p.minute)}`;
}

/** `22 Nov`. */
export function dayMonth(ms: number, zone: Zone): string {
  const p = partsOf(ms, zone);
  return `${p.day} ${MONTHS[p.month]}`;
}

/** `2026-11-22`. */
export function isoDate(ms: number, zone: Zone): string {
  const p = partsOf(ms, zone);
  return `${pad(p.year, 4)}-${pad(p.month + 1)}-${pad(p.day)}`;
}

/** `2026-11-22 14:05:09`. */
export function dateTime(ms: number, zone: Zone): string {
  return `${isoDate(ms, zone)} ${clockTime(ms, zone)}`;
}

/** `UTC`, or the local offset as `UTC+2` or `UTC−3:30`. */
export function zoneName(ms: number, zone: Zone): string {
  const minutes = zoneOffset(ms, zone) / MINUTE;
  if (minutes === 0) return "UTC";
  const sign = minutes > 0 ? "+" : "−";
  const rest = Math.abs(minutes) % 60;
  return `UTC${sign}${Math.floor(Math.abs(minutes) / 60)}${rest ? `:${pad(rest)}` : ""}`;
}

/** A length in its two largest units: `850 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  const length = Math.max(0, ms);
  if (length < SECOND) return `${Math.round(length)} ms`;
  if (length < 9_950) return `${(length / SECOND).toFixed(1).replace(/\.0$/, "")} s`;
  const units: [number, string][] = [
    [DAY, "d"],
    [HOUR, "h"],
    [MINUTE, "min"],
    [SECOND, "s"],
  ];
  const whole = Math.round(length / SECOND) * SECOND;
  for (const [index, [unit, name]] of units.entries()) {
    if (whole < unit) continue;
    const smaller = units[index + 1];
    const first = `${Math.floor(whole / unit)} ${name}`;
    const rest = smaller ? Math.floor((whole % unit) / smaller[0]) : 0;
    return smaller && rest > 0 ? `${first} ${rest} ${smaller[1]}` : first;
  }
  return "0 s";
}

/** How long ago, in one unit, for a number that ticks: `0.8 s`, `12 s`, `4 min`, `3 h`, `2 d`. */
export function age(ms: number): string {
  const length = Math.max(0, ms);
  if (length < 10 * SECOND) return `${(length / SECOND).toFixed(1)} s`;
  if (length < 2 * MINUTE) return `${Math.floor(length / SECOND)} s`;
  if (length < 2 * HOUR) return `${Math.floor(length / MINUTE)} min`;
  if (length < 2 * DAY) return `${Math.floor(length / HOUR)} h`;
  return `${Math.floor(length / DAY)} d`;
}

/** Decimal units, three significant digits: `1.83 MB`. */
export function bytes(count: number): string {
  return scaled(count, ["B", "kB", "MB", "GB", "TB", "PB"]);
}

/** `1.83 Mbit/s`. */
export function bitrate(bitsPerSecond: number): string {
  return scaled(bitsPerSecond, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]);
}

function scaled(value: number, units: string[]): string {
  let amount = Math.max(0, value);
  let unit = 0;
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || amount >= 99.95 ? 0 : amount >= 9.995 ? 1 : 2;
  return `${amount.toFixed(digits)} ${units[unit]}`;
}
