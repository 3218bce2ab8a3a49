// The check of data streams: makes one over the native endpoint, and does with it what a person would.
import { operate } from "./ask.mjs";
import { ensure, until } from "./browser.mjs";

export const DATA_STREAM = "orders";


/** The check. */
export async function data(console_) {
  const { page } = console_;
  const put = (key, text) =>
    operate(console_, "PutRecord", { StreamName: DATA_STREAM, PartitionKey: key, ExplicitHashKey: "0", Data: Buffer.from(text).toString("base64") });
  await operate(console_, "CreateStream", { StreamName: DATA_STREAM, ShardCount: 2 });
  for (let number = 1; number <= 30; number += 1) await put(`table ${number}`, `{"coffee":${number}}`);
  await console_.open("#/");
  await until("the list of video", () => page.$("table.streams"));
  await console_.clickText("Data");
  const row = `tr[data-stream="${DATA_STREAM}"]`;
  await until("a row for the data stream", () => page.$(row));
  const facts = await page.$eval(row, (element) => element.innerText.replace(/\s+/g, " "));
  ensure(/Active 2.*Provisioned 1 d/.test(facts), `the row says ${facts}`);
  await console_.shot("data-streams");
  await console_.clickText(DATA_STREAM);
  const shards = (state) =>
    page.$$eval("tr[data-shard]", (rows, wanted) => rows.filter((each) => each.innerText.includes(wanted)).length, state);
  await until("two open shards", async () => (await shards("Open")) === 2);
  await dataRecords(console_, put);
  await page.focus('button[aria-label="Split shardId-000000000000 in the middle"]');
  await console_.press("Enter");
  await until("the question", () => page.$("dialog[open]"));
  ensure((await shards("Open")) === 2, "it is split before anybody agreed");
  await console_.shot("data-split");
  await console_.clickText("Split it");
  await until("three open shards and a closed one", async () => (await shards("Open")) === 3 && (await shards("Closed")) === 1);
  await until("the dialog to close", async () => !(await page.$("dialog")));
  const bars = await page.$$eval(".hash-shard", (all) => all.map((each) => [each.classList.contains("closed"), each.getBoundingClientRect().width]));
  const whole = await page.$eval(".hash-row", (element) => element.getBoundingClientRect().width);
  const shares = bars.map(([closed, width]) => `${closed ? "closed " : ""}${Math.round((width / whole) * 100)}`);
  ensure(shares.join() === "25,25,50,closed 50", `the bars are ${shares}`);
  await dataLooks(console_);
  return { facts, shares };
}

/** Pages of records from the oldest on, as text and hex, and those that come while one looks. */
async function dataRecords(console_, put) {
  const { page } = console_;
  const texts = () => page.$$eval("table.records .data", (cells) => cells.map((cell) => cell.textContent));
  await console_.clickText("Read");
  await until("a page of records", async () => (await texts())[0] === '{"coffee":1}');
  const first = await page.$eval("table.records tbody tr", (row) => row.innerText.replace(/\s+/g, " "));
  ensure(/^\d{56} table 1 \d{4}-\d\d-\d\d [\d:.]{12} 12 B \{/.test(first), `the first record is ${first}`);
  await console_.clickText("Hex");
  await until("hex", async () => (await texts())[0].startsWith("7b 22 63"));
  await console_.clickText("Text");
  await console_.clickText("Next page");
  await until("the last records", async () => (await texts()).at(-1) === '{"coffee":30}');
  await page.click(".record-tools input[type=checkbox]");
  await put("table 31", "as it comes");
  await until("a record as it comes", async () => (await texts()).at(-1) === "as it comes");
  await page.click(".record-tools input[type=checkbox]");
}

/** Both schemes, other widths, and a phone. */
async function dataLooks(console_) {
  await console_.looks("data");
  await console_.phone();
  await until("the shards on the phone", () => console_.page.$("tr[data-shard]"));
  await console_.page.select("select[name=shard]", "shardId-000000000000");
  await console_.clickText("Read");
  await until("records on the phone", () => console_.page.$("table.records tbody tr"));
  const over = await console_.overflow();
  await console_.shot("phone-data", true);
  await console_.desktop();
  ensure(over <= 0, `${over} px stick out`);
  const nameless = await console_.page.$$eval("button, select, input", (all) =>
    all.filter((each) => !each.textContent.trim() && !each.ariaLabel && each.labels?.length !== 1).length,
  );
  ensure(nameless === 0, `${nameless} controls have no name`);
}
