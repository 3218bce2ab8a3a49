// The check of a data stream's traffic: what was put is what is shown, and a reader who stays behind is seen to.
import { get, operate } from "./ask.mjs";
import { ensure, until } from "./browser.mjs";
import { DATA_STREAM } from "./data.mjs";

/** Nobody else has read it. */
const SHARD = "shardId-000000000001";
/** Steps last five seconds, and the page looks every three. */
const SHOWN_MS = 20_000;

/** The check. Whatever was put before it counts too. */
export async function traffic(console_) {
  const { page } = console_;
  await console_.open(`#/data/${DATA_STREAM}`);
  const tile = (name) =>
    page.evaluate((of) => document.querySelector(`.rate[data-rate="${of}"]`)?.innerText.replace(/\s+/g, " "), name);
  await until("graphs", () => tile("In"));
  const before = await counted(console_);
  const record = { PartitionKey: "key", ExplicitHashKey: "0", Data: Buffer.alloc(997).toString("base64") };
  await operate(console_, "PutRecords", { StreamName: DATA_STREAM, Records: Array.from({ length: 200 }, () => record) });
  const told = await until(
    "what was put to be told",
    async () => {
      const now = await counted(console_);
      return now.records - before.records >= 200 && now;
    },
    SHOWN_MS,
  );
  const put = { records: told.records - before.records, bytes: told.bytes - before.bytes };
  ensure(put.records === 200 && put.bytes === 200_000, `of 200 records of 1000 bytes, ${JSON.stringify(put)} are told`);
  // A step that was the busiest by far: 200 kB in five seconds.
  const shown = await until("the rate to be shown", async () => /at most 40\.\d kB\/s/.test(await tile("In")) && tile("In"), SHOWN_MS);
  const cells = await page.$$eval("tr[data-shard] .cell-flow svg", (all) => all.map((svg) => svg.getAttribute("aria-label")));
  ensure(cells.some((label) => /^In: at most 40\.\d kB\/s$/.test(label)), `the shards' graphs are ${cells}`);
  return { shown, ages: await reader(console_, tile) };
}

async function counted(console_) {
  const { traffic: told } = await get(console_, `/v1/data/${DATA_STREAM}/traffic`);
  const sum = (counts) => (counts ?? []).reduce((all, count) => all + count, 0);
  return { records: sum(told.in_records), bytes: sum(told.in_bytes) };
}

/** Somebody reads one and the same old record again and again: they are further behind each time. */
async function reader(console_, tile) {
  const start = { StreamName: DATA_STREAM, ShardId: SHARD, ShardIteratorType: "TRIM_HORIZON" };
  const put = (text) =>
    operate(console_, "PutRecord", { StreamName: DATA_STREAM, PartitionKey: "late", ExplicitHashKey: `${2n ** 128n - 1n}`, Data: text });
  await put("b25l");
  await put("dHdv");
  const { ShardIterator } = await operate(console_, "GetShardIterator", start);
  const seconds = (text) => {
    const [, number, unit] = /([\d.]+) (ms|s|min)/.exec(text) ?? [];
    return number === undefined ? null : Number(number) * { ms: 0.001, s: 1, min: 60 }[unit];
  };
  const cell = `tr[data-shard=${SHARD}] .cell-age`;
  const age = async () => {
    const { MillisBehindLatest: behindMs } = await operate(console_, "GetRecords", { ShardIterator, Limit: 1 });
    ensure(behindMs > 0, "the reader is not behind");
    await new Promise((resolve) => setTimeout(resolve, 400));
    return seconds(await console_.page.$eval(cell, (element) => element.textContent));
  };
  const first = await until("an iterator age", age, SHOWN_MS);
  const later = await until("the iterator age to grow", async () => {
    const now = await age();
    return now > first + 4 && now;
  }, SHOWN_MS);
  const stream = seconds(await tile("Iterator age"));
  ensure(stream >= later, `the stream's slowest reader is ${stream} s behind, that of the shard ${later} s`);
  await console_.shot("data-traffic", true);
  return [first, later];
}
