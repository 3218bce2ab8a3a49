// The check of keys: a stream's key is made in the console, and what becomes of it the stream follows.
import { operate, request } from "./ask.mjs";
import { ensure, until } from "./browser.mjs";
import { fill } from "./users.mjs";

const STREAM = "secrets";

/** The check. */
export async function keys(console_) {
  const { page } = console_;
  await console_.open("#/keys");
  await until("the default key", () => page.$("tr[data-key]"));
  await console_.clickText("Create a key");
  await fill(console_, "alias", "orders");
  await fill(console_, "description", "Orders of the shop");
  await console_.press("Enter");
  await until("the key's page", () => page.evaluate(() => document.querySelector("h1")?.textContent === "alias/orders"));
  await operate(console_, "CreateStream", { StreamName: STREAM, ShardCount: 1 });
  const used = async () => (await put(console_)) ?? "may";
  await until("the stream", async () => (await used()) === "may");
  await page.reload({ waitUntil: "domcontentloaded" });
  await until("streams to give it to", () => page.$(".section-head button"));
  await console_.clickText("Give it to a stream");
  await until("the question", () => page.$("dialog[open] select"));
  await page.select("dialog[open] select", STREAM);
  await console_.clickText("Give it");
  await until("the stream under its key", () => page.$(`li[data-stream=${STREAM}] button`));
  await versions(console_);
  await console_.looks("key");

  // Nothing was written under the new key yet, so nobody has it opened for five minutes.
  await console_.clickText("Disable the key");
  const warning = await until("the warning", () => page.evaluate(() => document.querySelector("dialog[open] p")?.textContent));
  ensure(warning.includes(STREAM), `the warning is ${warning}`);
  await console_.shot("key-disable");
  await console_.clickText("Disable it");
  await until("the state", () => summary(console_, "Disabled"));
  ensure((await used()) === "KMSDisabledException", `with its key disabled, a write to the stream answers ${await used()}`);
  await console_.clickText("Enable the key");
  await until("the state", () => summary(console_, "Enabled"));
  ensure((await used()) === "may", `with its key enabled, a write to the stream answers ${await used()}`);
  const lost = await deletion(console_);
  await console_.clickText("Take back");
  await until("the question", () => page.$("dialog[open]"));
  await console_.clickText("Take it back");
  await until("the stream under the default key", async () => !(await page.$(`li[data-stream=${STREAM}] button`)));
  await list(console_);
  return { warning, lost };
}

/** The code of the refusal of a record; null if it is taken. */
async function put(console_) {
  const body = JSON.stringify({ StreamName: STREAM, PartitionKey: "a", Data: "" });
  return (await request(console_, "/v1/kinesis/PutRecord", { method: "POST", body })).body.__type;
}

function summary({ page }, text) {
  return page.evaluate((wanted) => document.querySelector(".page-head .summary")?.textContent.includes(wanted), text);
}

async function versions(console_) {
  const { page } = console_;
  const says = (text) => page.evaluate((wanted) => document.querySelector("[aria-labelledby=versions-title]")?.textContent.includes(wanted), text);
  await until("rotation", () => says("on demand only"));
  await console_.clickText("Rotate now");
  await until("a version more", () => says("It was rotated once"));
  await console_.clickText("Rotate by itself");
  await fill(console_, "days", "90");
  await console_.press("Enter");
  await until("rotation by itself", () => says("every 90 days, next on"));
  await console_.clickText("Add an alias");
  await fill(console_, "alias", "shop");
  await console_.press("Enter");
  await until("the alias", () => page.$('button[aria-label="Remove alias/shop"]'));
  await page.focus('button[aria-label="Remove alias/shop"]');
  await console_.press("Enter");
  await until("no alias", async () => !(await page.$('button[aria-label="Remove alias/shop"]')));
}

/** It says what is lost, asks for the name, and can be called off. */
async function deletion(console_) {
  const { page } = console_;
  await console_.clickText("Schedule the deletion");
  const lost = await until("the warning", () => page.evaluate(() => document.querySelector("dialog[open] .warning")?.textContent));
  ensure(lost.includes(STREAM), `the warning is ${lost}`);
  await console_.isAccessible("the dialog");
  await console_.shot("key-deletion");
  const blocked = () => page.$eval("dialog .danger", (button) => button.disabled);
  ensure(await blocked(), "deleting is possible without typing the name");
  await fill(console_, "days", "7");
  await fill(console_, "confirm", "alias/orders");
  await until("the name to be accepted", async () => !(await blocked()));
  await console_.press("Enter");
  await until("the state", () => summary(console_, "Pending deletion"));
  await console_.shot("key-pending");
  await console_.clickText("Cancel the deletion");
  await until("the state", () => summary(console_, "Disabled"));
  await console_.clickText("Enable the key");
  await until("the state", () => summary(console_, "Enabled"));
  return lost;
}

async function list(console_) {
  const { page } = console_;
  await console_.open("#/keys");
  const rows = await until("rows", async () => {
    const all = await page.$$eval("tr[data-key]", (found) => found.map((row) => row.innerText.replace(/\s+/g, " ")));
    return all.length === 2 && all;
  });
  ensure(rows.some((row) => /alias\/orders .*Enabled every 90 days none older records of secrets/.test(row)), `the rows are ${rows}`);
  ensure(rows.some((row) => /^default key of streams .* orders.*secrets/.test(row)), `the rows are ${rows}`);
  await console_.looks("keys");
}
