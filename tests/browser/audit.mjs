// The check of the audit log: what earlier checks did is there to be found.
import { ensure, until } from "./browser.mjs";

/** The check. */
export async function audit(console_) {
  const { page } = console_;
  await console_.open("#/audit");
  const rows = () => page.$$eval("table.audit tbody tr", (all) => all.map((row) => row.innerText.replace(/\s+/g, " ")));
  await until("entries", async () => (await rows()).length > 3);
  await console_.looks("audit");
  await page.select("select[name=event]", "refusal");
  await page.type("input[name=contains]", "LISTUSERS");
  const found = await until("the refusal of a user", async () => {
    const all = await rows();
    return all.length > 0 && all.every((row) => row.includes("iam:ListUsers")) && all;
  });
  ensure(/anna KINE\w+ iam:ListUsers refused: ACCESS_DENIED.* 127\.0\.0\.1$/.test(found[0]), `the entries are ${found}`);
  await page.type("input[name=contains]", " nothing like it");
  await until("words where there is nothing", () => page.evaluate(() => document.querySelector(".page > .message")?.textContent.includes("Nothing of the kind")));
  return { found: found[0] };
}
