import { useState } from "preact/hooks";
import { describeError } from "../api/error";
import type { Users, Verdict } from "../api/users";
import { TextField } from "../pieces/ask";

/** Says whether the user may do something, and by which statement. */
export function TryOut({ users, user }: { users: Users; user: string }) {
  const [action, setAction] = useState("kinesis:PutRecords");
  const [resource, setResource] = useState("*");
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [error, setError] = useState<string | null>(null);
  const ask = async (event: Event) => {
    event.preventDefault();
    try {
      setVerdict(await users.may(user, action, resource));
      setError(null);
    } catch (thrown) {
      setVerdict(null);
      setError(describeError(thrown));
    }
  };
  return (
    <section aria-labelledby="try-title">
      <h2 id="try-title">What it may do</h2>
      <form class="record-tools" onSubmit={(event) => void ask(event)}>
        <TextField label="Action" name="action" value={action} onValue={setAction} />
        <TextField label="On (an ARN, or *)" name="resource" value={resource} onValue={setResource} />
        <button type="submit">May it?</button>
      </form>
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
      <p role="status" class={verdict?.allowed ? "verdict allowed" : "verdict"}>
        {verdict && verdictText(verdict)}
      </p>
    </section>
  );
}

/** `Yes: statement 0 of the policy writes allows it.` */
export function verdictText({ allowed, because }: Verdict): string {
  if (!because) return "No: no policy allows it.";
  const sid = because.sid ? ` (${because.sid})` : "";
  const policy = because.policy === null ? "the stream's own policy" : `the policy ${because.policy}`;
  return `${allowed ? "Yes" : "No"}: statement ${because.statement}${sid} of ${policy} ${allowed ? "allows" : "denies"} it.`;
}
