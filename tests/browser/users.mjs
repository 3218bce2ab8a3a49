// The check of users: one is made in the console, and signs in as any client does.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { ensure, until } from "./browser.mjs";

const USER = "anna";
const POLICY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "kinesis:ListStreams", Resource: "*" }],
});

/** The check. */
export async function users(console_) {
  const { page } = console_;
  await console_.open("#/users");
  await until("the page", () => page.$(".first-push"));
  await console_.clickText("Add user");
  await fill(console_, "user", USER);
  await console_.press("Enter");
  await until("the user's page", async () => page.evaluate(() => location.hash === "#/users/anna" && document.querySelector(".arn") !== null));
  const key = await accessKey(console_);
  const lists = () => signed(console_, key);
  ensure((await lists()) === "AccessDeniedException", "without a policy it may do something");
  const error = await policies(console_);
  await mayIt(console_);
  ensure((await lists()) === "may", "the policy allows nothing");
  await until("the key's use", () => page.evaluate(() => /last used [\d.]+ s ago/.test(document.querySelector("tr[data-key]").textContent)));
  await console_.looks("user");
  await console_.clickText("Disable");
  await until("a disabled key", () => page.evaluate(() => document.querySelector("tr[data-key]").textContent.includes("Disabled")));
  ensure((await lists()) === "UnrecognizedClientException", "a disabled key signs in");
  await console_.clickText("Enable");
  await until("an enabled key", async () => (await lists()) === "may");
  const refused = await withoutRight(console_, key);
  await list(console_);
  await leave(console_);
  ensure((await lists()) === "UnrecognizedClientException", "the key of a deleted user signs in");
  return { error, refused };
}

/** What an AWS client with the key hears when it asks for the streams: `may`, or the code of the refusal. */
async function signed({ options: { url } }, { id, secret }) {
  const { stdout } = await promisify(execFile)("curl", [
    ...["-s", "--max-time", "10", "--noproxy", "*", "--aws-sigv4", "aws:amz:us-east-1:kinesis", "--user", `${id}:${secret}`],
    ...["-H", "X-Amz-Target: Kinesis_20131202.ListStreams", "-H", "Content-Type: application/x-amz-json-1.1", "-d", "{}", `${url}/`],
  ]);
  return JSON.parse(stdout).__type ?? "may";
}

/** Types over what stands in a field of the dialog. */
export async function fill(console_, name, text) {
  const field = `dialog[open] [name=${name}]`;
  await until(`the field ${name}`, () => console_.page.$(field));
  await console_.page.$eval(field, (element) => element.select());
  await console_.page.type(field, text);
}

async function accessKey(console_) {
  const { page } = console_;
  await console_.clickText("Make an access key");
  await until("the secret", () => page.$("dialog[open] .code"));
  const [id, secret, shell] = await page.$$eval("dialog[open] .code pre", (all) => all.map((pre) => pre.textContent));
  ensure(shell.includes(secret), `the commands are ${shell}`);
  await console_.isAccessible("the dialog");
  await console_.shot("user-secret");
  await console_.clickText("I have kept it");
  await until("a row for the key", () => page.$(`tr[data-key="${id}"]`));
  ensure(!(await page.content()).includes(secret), "the secret is still on the page");
  return { id, secret };
}

/** What is wrong with a policy is said where it is wrong; a right one is attached, read back and detached. */
async function policies(console_) {
  const { page } = console_;
  await console_.clickText("Attach a policy");
  await fill(console_, "policy", "reads");
  await fill(console_, "policy-text", POLICY.replace("Allow", "Alow"));
  await console_.clickText("Attach");
  const alert = () => page.evaluate(() => document.querySelector("dialog[open] [role=alert]").textContent);
  const error = await until("the server's words", alert);
  ensure(error.includes("Statement[0].Effect"), `the message is ${error}`);
  await console_.shot("user-policy");
  await fill(console_, "policy-text", POLICY);
  await console_.clickText("Attach");
  await until("the policy", () => page.$("li[data-policy=reads]"));
  await until("the dialog to close", async () => !(await page.$("dialog")));
  await console_.clickText("Edit");
  const shown = await until("the text", () => page.evaluate(() => document.querySelector("dialog[open] textarea")?.value));
  ensure(shown === POLICY, `the policy reads ${shown}`);
  await console_.isAccessible("the dialog");
  await console_.press("Escape");
  await until("the dialog to close", async () => !(await page.$("dialog")));
  return error;
}

/** The page says what the policy comes to. */
async function mayIt(console_) {
  const { page } = console_;
  const says = (text) => page.evaluate((wanted) => document.querySelector(".verdict")?.textContent === wanted, text);
  await console_.clickText("May it?");
  await until("a no", () => says("No: no policy allows it."));
  await page.$eval("input[name=action]", (field) => field.select());
  await page.type("input[name=action]", "kinesis:ListStreams");
  await console_.press("Enter");
  await until("a yes", () => says("Yes: statement 0 of the policy reads allows it."));
}

/** Signed in as the user, who may not see users, one is told why not. */
async function withoutRight(console_, key) {
  const { page, options } = console_;
  await console_.clickText("Sign out");
  await console_.signIn(key.id, key.secret);
  const words = () => page.evaluate(() => document.querySelector(".page [role=alert]")?.textContent);
  const about = async (hash, wanted) => {
    await console_.open(hash);
    return until(`why ${hash} is not shown`, async () => ((await words()) ?? "").includes(wanted) && words());
  };
  try {
    const refused = [await about("#/users", "iam:ListUsers"), await about("#/keys", "kms:ListKeys")];
    await console_.shot("users-refused");
    return refused;
  } finally {
    // Later checks are root's again, whatever became of this one.
    await console_.clickText("Sign out");
    await console_.signIn(options.id, options.secret);
    await until("to be signed in", () => page.$(".top"));
  }
}

async function list(console_) {
  const { page } = console_;
  await console_.open("#/users");
  const row = await until("a row for the user", () => page.evaluate((user) => document.querySelector(`tr[data-user=${user}]`)?.innerText.replace(/\s+/g, " "), USER));
  ensure(/^anna 1 [\d.]+ s ago reads /.test(row), `the row says ${row}`);
  await console_.looks("users");
  await console_.clickText(USER);
  await until("the user's page", () => page.$(".arn"));
}

/** The policy goes, then the key, then the user. */
async function leave(console_) {
  const { page } = console_;
  const agree = async (open, text) => {
    await page.focus(`button[aria-label="${open}"]`);
    await console_.press("Enter");
    await until("the question", () => page.$("dialog[open]"));
    await console_.clickText(text);
    await until("the dialog to close", async () => !(await page.$("dialog")));
  };
  await agree("Detach reads", "Detach it");
  await until("no policy", async () => !(await page.$("li[data-policy]")));
  await agree(await page.$eval("tr[data-key] .danger", (button) => button.ariaLabel), "Delete it");
  await until("no key", async () => !(await page.$("tr[data-key]")));
  await console_.clickText(`Delete ${USER}`);
  await until("the question", () => page.$("dialog[open]"));
  ensure(await page.$eval("dialog .danger", (button) => button.disabled), "deleting is possible without typing the name");
  await fill(console_, "confirm", USER);
  await console_.press("Enter");
  await until("the list without the user", () => page.$(".first-push"));
}
