// What the console asks for, without the console.
import { ensure } from "./browser.mjs";

/** A request by whoever is named in `as`, the options by default. Status and body. */
export async function request({ options }, path, { as = options, ...init } = {}) {
  const authorization = `Basic ${Buffer.from(`${as.id}:${as.secret}`).toString("base64")}`;
  const response = await fetch(options.url + path, { ...init, headers: { authorization }, signal: AbortSignal.timeout(10_000) });
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text) };
}

async function must(console_, path, init) {
  const { status, body } = await request(console_, path, init);
  ensure(status < 300, `${path} answers ${status} ${JSON.stringify(body)}`);
  return body;
}

export function get(console_, path) {
  return must(console_, path);
}

/** One operation of data streams. */
export function operate(console_, operation, input) {
  return must(console_, `/v1/kinesis/${operation}`, { method: "POST", body: JSON.stringify(input) });
}
