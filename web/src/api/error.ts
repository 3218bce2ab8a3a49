/** What went wrong with a request, in the server's own words where it had any. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 when no answer came at all. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** Reads `{"error":{"code","message","hint"}}` or, of data streams, `{"__type","message"}`; a body of any other shape still gives a usable message. */
export function errorFromBody(status: number, body: string): ApiError {
  try {
    const answer = JSON.parse(body) as { error?: Record<string, unknown>; __type?: unknown; message?: unknown };
    if (typeof answer.__type === "string" && typeof answer.message === "string") {
      return new ApiError(status, answer.__type, answer.message);
    }
    const { error } = answer;
    if (error && typeof error["message"] === "string") {
      const code = typeof error["code"] === "string" ? error["code"] : String(status);
      const hint = typeof error["hint"] === "string" && error["hint"] !== "" ? error["hint"] : null;
      return new ApiError(status, code, error["message"], hint);
    }
  } catch {
    // Not JSON: a proxy's page or an empty body.
  }
  return new ApiError(status, String(status), `the server answered ${status} without saying why`);
}

/** A sentence for the screen, whatever was thrown. */
export function describeError(thrown: unknown): string {
  if (thrown instanceof ApiError) {
    return thrown.hint ? `${sentence(thrown.message)} ${sentence(thrown.hint)}` : sentence(thrown.message);
  }
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** With a capital letter and a full stop. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
