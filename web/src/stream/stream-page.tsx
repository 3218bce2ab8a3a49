import type { Client } from "../api/client";
import { describeError } from "../api/error";
import type { VideoInfo } from "../api/types";
import { PushCommands } from "../commands/push-commands";
import type { OnScreen } from "../commands/read";
import { State } from "../pieces/state";
import { type Session, zone as zoneStore } from "../session";
import { SourceStatus } from "../source/status";
import { useStore } from "../store";
import { GoTo } from "./go-to";
import { KeyHelp } from "./key-help";
import { Sections } from "./sections";
import { type StreamParts, useStreamParts } from "./stream-parts";
import { Viewer } from "./viewer";
import { type Watch, useWatch } from "./watch";

export interface StreamPageProps {
  session: Session;
  name: string;
  /** An instant to begin at, from a link. */
  atMs: number | null;
}

export function StreamPage({ session, name, atMs }: StreamPageProps) {
  const parts = useStreamParts(session.client, name);
  const info = useStore(parts.footage.info);
  const error = useStore(parts.footage.error);
  if (!info && !error) return <p class="message">Loading…</p>;
  if (!info) {
    return (
      <div class="page">
        <h1>{name}</h1>
        <p class="message error" role="alert">
          {describeError(error)} <a href="#/">All streams</a>
        </p>
      </div>
    );
  }
  if (info.codecs === null) return <Empty client={session.client} parts={parts} info={info} />;
  return <Watching session={session} parts={parts} info={info} atMs={atMs} />;
}

/** A stream that nothing was pushed to yet. */
function Empty({ client, parts, info }: { client: Client; parts: StreamParts; info: VideoInfo }) {
  const zone = useStore(zoneStore);
  return (
    <div class="page">
      <section class="first-push">
        <h1>
          {info.name} <State state={info.state} />
        </h1>
        <p>
          {info.source ? "Nothing has come from the camera yet." : "Nothing has been pushed yet."} The player opens by itself
          when the first fragment arrives.
        </p>
        {info.source ? (
          <SourceLine client={client} parts={parts} info={info} />
        ) : (
          <>
            <h2 class="visually-hidden">Push to it</h2>
            <PushCommands client={client} stream={info.name} />
          </>
        )}
      </section>
      <Sections client={client} footage={parts.footage} info={info} zone={zone} reading={null} onSeek={() => undefined} />
    </div>
  );
}

function SourceLine({ client, parts: { footage }, info }: { client: Client; parts: StreamParts; info: VideoInfo }) {
  return (
    <SourceStatus
      client={client}
      info={info}
      nowMs={() => footage.serverNowMs()}
      onChanged={() => void footage.refresh().catch(() => undefined)}
    />
  );
}

interface WatchingProps {
  session: Session;
  parts: StreamParts;
  info: VideoInfo;
  atMs: number | null;
}

function Watching({ session, parts, info, atMs }: WatchingProps) {
  const watch = useWatch(session, parts, info, atMs);
  const error = useStore(parts.footage.error);
  const { transport, zone } = watch;
  return (
    <div class="page stream">
      <h1 class="visually-hidden">{info.name}</h1>
      {error && (
        <p class="message error" role="alert">
          {describeError(error)} What is shown may be old.
        </p>
      )}
      <Viewer watch={watch} offline={error !== null} />
      <SourceLine client={session.client} parts={parts} info={info} />
      <Sections
        client={session.client}
        footage={parts.footage}
        info={info}
        zone={zone}
        reading={onScreen(watch, session.client)}
        onSeek={(ms) => transport?.seek(ms)}
      />
      {watch.dialog === "keys" && <KeyHelp onClose={() => watch.setDialog(null)} />}
      {watch.dialog === "go-to" && (
        <GoTo
          nowMs={parts.footage.nowMs()}
          zone={zone}
          onClose={() => watch.setDialog(null)}
          onGo={(ms) => {
            watch.setDialog(null);
            transport?.seek(ms);
          }}
        />
      )}
    </div>
  );
}

function onScreen({ info, model, state, marks }: Watch, client: Client): OnScreen {
  const view = model.view.value;
  return {
    origin: location.origin,
    stream: info.name,
    accessKeyId: client.credentials.id,
    viewFromMs: view.startMs,
    viewToMs: view.endMs,
    instantMs: state.instantMs,
    selection: marks.range,
  };
}
