import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { DataStreamPage } from "./data/data-stream-page";
import { DataStreamsPage } from "./data/data-streams-page";
import { Footer } from "./pieces/footer";
import { Header } from "./pieces/header";
import { Notice } from "./pieces/notice";
import { type Route, route } from "./router";
import { type Session, session } from "./session";
import { SignIn } from "./signin/sign-in";
import { useStore } from "./store";
import type { StreamPageProps } from "./stream/stream-page";
import { StreamsPage } from "./streams/streams-page";

export function App() {
  const signedIn = useStore(session);
  return signedIn ? <Console session={signedIn} /> : <SignIn />;
}

function Console({ session: current }: { session: Session }) {
  const at = useStore(route);
  useEffect(() => {
    const title = "name" in at ? at.name : at.page === "data" ? "Data streams" : "Streams";
    document.title = `${title} · Kinetoscope`;
  }, [at]);
  return (
    <>
      <a class="skip" href="#main" onClick={focusMain}>
        Skip to the content
      </a>
      <Header area={at.page.startsWith("data") ? "data" : "video"} stream={"name" in at ? at.name : null} />
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
