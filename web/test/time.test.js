import assert from "node:assert/strict";
import test from "node:test";
import { age, bitrate, bytes, clockTime, dateTime, dayMonth, duration, shortTime, zoneName } from "../src/time/format";
import { parseInstant } from "../src/time/parse";

const AT = Date.parse("2026-11-22T14:05:09.250Z");

test("wall-clock times in UTC", () => {
  assert.equal(clockTime(AT, "utc"), "14:05:09");
  assert.equal(clockTime(AT, "utc", true), "14:05:09.250");
  assert.equal(shortTime(AT, "utc"), "14:05");
  assert.equal(dayMonth(AT, "utc"), "22 Nov");
  assert.equal(dateTime(AT, "utc"), "2026-11-22 14:05:09");
  assert.equal(zoneName(AT, "utc"), "UTC");
});

test("local times follow the zone of the machine, half hours and summer time included", () => {
  const before = process.env.TZ;
  process.env.TZ = "Asia/Kolkata";
  assert.equal(clockTime(AT, "local"), "19:35:09");
  assert.equal(zoneName(AT, "local"), "UTC+5:30");
  process.env.TZ = "Europe/Berlin";
  assert.equal(shortTime(AT, "local"), "15:05");
  assert.equal(shortTime(Date.parse("2026-07-01T12:00:00Z"), "local"), "14:00");
  process.env.TZ = before ?? "";
});

test("lengths use their two largest units and never say 60 seconds", () => {
  assert.equal(duration(850), "850 ms");
  assert.equal(duration(4200), "4.2 s");
  assert.equal(duration(3000), "3 s");
  assert.equal(duration(9_960), "10 s");
  assert.equal(duration(59_600), "1 min");
  assert.equal(duration(200_000), "3 min 20 s");
  assert.equal(duration(7_500_000), "2 h 5 min");
  assert.equal(duration(24 * 3_600_000), "1 d");
  assert.equal(duration(-5), "0 ms");
});

test("ages tick in one unit", () => {
  assert.equal(age(840), "0.8 s");
  assert.equal(age(12_400), "12 s");
  assert.equal(age(5 * 60_000), "5 min");
  assert.equal(age(3 * 3_600_000), "3 h");
  assert.equal(age(50 * 3_600_000), "2 d");
});

test("sizes keep three digits", () => {
  assert.equal(bytes(0), "0 B");
  assert.equal(bytes(1_830_000), "1.83 MB");
  assert.equal(bytes(999_600), "1.00 MB");
  assert.equal(bitrate(14_400_000), "14.4 Mbit/s");
});

test("what a person types is read as an instant", () => {
  const read = (text) => {
    const at = parseInstant(text, AT, "utc");
    return at === null ? null : new Date(at).toISOString();
  };
  assert.equal(read("14:05"), "2026-11-22T14:05:00.000Z");
  assert.equal(read("14:06"), "2026-11-21T14:06:00.000Z", "a later time of day means yesterday");
  assert.equal(read("yesterday 9:30:01.5"), "2026-11-21T09:30:01.500Z");
  assert.equal(read("2026-11-20 01:02:03"), "2026-11-20T01:02:03.000Z");
  assert.equal(read("2026-11-20"), "2026-11-20T00:00:00.000Z");
  assert.equal(read("2026-11-20T01:02:03+02:00"), "2026-11-19T23:02:03.000Z");
  assert.equal(read("-10m"), "2026-11-22T13:55:09.250Z");
  assert.equal(read("1795356309.5"), new Date(1795356309500).toISOString());
  assert.equal(read("now"), new Date(AT).toISOString());
  for (const nonsense of ["", "25:00", "14:61", "14h", "2026-13-01", "-10", "later"]) assert.equal(read(nonsense), null, nonsense);
});
