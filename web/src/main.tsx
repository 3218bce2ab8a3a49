import { render } from "preact";
import { App } from "./app";
import { restoreSession } from "./session";

restoreSession();
render(<App />, document.getElementById("app")!);
