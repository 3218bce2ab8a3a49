import { Icon } from "./icons";
import { notify } from "./notice";

/** A titled command to copy. Long lines wrap on screen only: copying takes them as they are. */
export function Code({ title, text }: { title: string; text: string }) {
  return (
    <section class="code">
      <header>
        <h3>{title}</h3>
        <button type="button" class="quiet" onClick={() => void copy(text)} aria-label={`Copy: ${title}`}>
          <Icon name="copy" /> Copy
        </button>
      </header>
      <pre tabIndex={0} aria-label={title}>
        <code>{text}</code>
      </pre>
    </section>
  );
}

/** The clipboard interface is only there on https and localhost, so an older way stands behind it. */
async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notify("Copied.");
  } catch {
    notify(copyBySelection(text) ? "Copied." : "The browser does not allow copying; select the text instead.");
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  // Inside an open dialog, because everything outside of a modal one is inert.
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}
