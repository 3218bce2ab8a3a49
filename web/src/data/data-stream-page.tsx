import { useCallback, useMemo } from "preact/hooks";
import { Kinesis } from "../api/kinesis";
import { keyHref } from "../router";
import type { Session } from "../session";
import { HOUR, duration } from "../time/format";
import { usePolled } from "../use-polled";
import { Rates } from "./rates";
import { Records } from "./records";
import { Shards } from "./shards";
import { readTraffic } from "./traffic";
import { modeName, statusName } from "./words";

const EVERY_MS = 3000;

/** One data stream: how it is used, its shards and its records. */
export function DataStreamPage({ session: { client }, name }: { session: Session; name: string }) {
  const kinesis = useMemo(() => new Kinesis(client), [client]);
  const read = useCallback(async () => {
    const [summary, shards, traffic] = await Promise.all([
      kinesis.summary(name),
      kinesis.shards(name),
      readTraffic(client, name),
    ]);
    return { summary, shards, traffic };
  }, [client, kinesis, name]);
  const { value, error, refresh } = usePolled(read, EVERY_MS);
  return (
    <div class="page data-stream">
      <div class="page-head">
        <h1>{name}</h1>
        {value && (
          <p class="summary">
            {statusName(value.summary.StreamStatus)} · {value.summary.OpenShardCount} open shards · {modeName(value.summary)} ·
            kept for {duration(value.summary.RetentionPeriodHours * HOUR)}
            {value.summary.KeyId && (
              <>
                {" · sealed under "}
                <a href={keyHref(value.summary.KeyId)}>{value.summary.KeyId}</a>
              </>
            )}
          </p>
        )}
      </div>
      {error && (
        <p class="message error" role="alert">
          {error} <a href="#/data">All data streams</a>
        </p>
      )}
      {!value && !error && <p class="message">Loading…</p>}
      {value && (
        <>
          <Rates traffic={value.traffic} />
          <Shards
            kinesis={kinesis}
            summary={value.summary}
            shards={value.shards}
            traffic={value.traffic}
            onChanged={refresh}
          />
          <Records kinesis={kinesis} stream={name} shards={value.shards} />
        </>
      )}
    </div>
  );
}
