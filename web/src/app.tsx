import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { AuditPage } from "./audit/audit-page";
import { DataStreamPage } from "./data/data-stream-page";
import { DataStreamsPage } from "./data/data-streams-page";
import { KeyPage } from "./keys/key-page";
import { KeysPage } from "./keys/keys-page";
import { Footer } from "./pieces/footer";
import { type Area, Header } from "./pieces/header";
import { Notice } from "./pieces/notice";
import { type Route, route } from "./router";
import { type Session, session } from "./session";
import { SignIn } from "./signin/sign-in";
import { useStore } from "./store";
import type { StreamPageProps } from "./stream/stream-page";
import { StreamsPage } from "./streams/streams-page";
import { UserPage } from "./users/user-page";
import { UsersPage } from "./users/users-page";

export function App() {
  const signedIn = useStore(session);
  return signedIn ? <Console session={signedIn} /> : <SignIn />;
}

const TITLES = { streams: "Streams", data: "Data streams", users: "Users", keys: "Keys", audit: "Audit log" };
const AREAS: Record<Route["page"], Area> = {
  streams: "video",
  stream: "video",
  data: "data",
  "data-stream": "data",
  users: "users",
  user: "users",
  keys: "keys",
  key: "keys",
  audit: "audit",
};

function Console({ session: current }: { session: Session }) {
  const at = useStore(route);
  useEffect(() => {
    document.title = `${"name" in at ? at.name : TITLES[at.page]} · Kinetoscope`;
  }, [at]);
  return (
    <>
      <a class="skip" href="#main" onClick={focusMain}>
        Skip to the content
      </a>
      <Header area={AREAS[at.page]} of={"name" in at ? at.name : null} />
      <main id="main" tabIndex={-1}>
        <Page at={at} session={current} />
      </main>
      <Footer client={current.client} />
      <Notice />
    </>
  );
}

function Page({ at, session: current }: { at: Route; session: Session }) {
  switch (at.page) {
    case "stream":
      return <LazyStreamPage key={at.name} session={current} name={at.name} atMs={at.atMs} />;
    case "data":
      return <DataStreamsPage session={current} />;
    case "data-stream":
      return <DataStreamPage key={at.name} session={current} name={at.name} />;
    case "users":
      return <UsersPage session={current} />;
    case "user":
      return <UserPage key={at.name} session={current} name={at.name} />;
    case "keys":
      return <KeysPage session={current} />;
    case "key":
      return <KeyPage key={at.name} session={current} id={at.name} />;
    case "audit":
      return <AuditPage session={current} />;
    case "streams":
      return <StreamsPage session={current} />;
  }
}

function focusMain(event: Event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** The stream page brings the player with it, so it is fetched when first needed. */
function LazyStreamPage(props: StreamPageProps) {
  const [Page, setPage] = useState<ComponentType<StreamPageProps> | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    import("./stream/stream-page").then(
      (module) => setPage(() => module.StreamPage),
      () => setFailed(true),
    );
  }, []);
  if (failed) return <p class="message error">The player could not be loaded. Reload the page to try again.</p>;
  return Page ? <Page {...props} /> : <p class="message">Loading…</p>;
}
