// Drives the console of a running server in Debian's Chromium; see options.mjs for what it is told.
import { openConsole } from "./browser.mjs";
import { CHECKS } from "./checks.mjs";
import { readOptions } from "./options.mjs";

/** Above every bounded wait inside of one check: a check that hangs otherwise is a failure too. */
const CHECK_TIMEOUT_MS = 180_000;

const options = readOptions(process.argv.slice(2));
const { console: opened, faults, close } = await openConsole(options);
let failed = 0;

async function run(name, check) {
  const startedMs = Date.now();
  const line = { check: name, ok: true };
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
  });
  try {
    Object.assign(line, { detail: await Promise.race([check(opened, options), timeout]) });
  } catch (error) {
    Object.assign(line, { ok: false, error: error.message });
    failed += 1;
    await opened.shot(`failed-${name.replace(/\W+/g, "-")}`).catch(() => undefined);
  } finally {
    clearTimeout(timer);
  }
  console.log(JSON.stringify({ ...line, ms: Date.now() - startedMs }));
}

try {
  for (const [name, check] of CHECKS) await run(name, check);
  await run("the page raised no error", async () => {
    if (faults.length > 0) throw new Error(faults.slice(0, 10).join(" | "));
    return {};
  });
} finally {
  await close();
}
console.error(`browser: ${CHECKS.length + 1 - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
