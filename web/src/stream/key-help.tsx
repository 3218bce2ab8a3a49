import { Dialog } from "../pieces/dialog";
import { KEYS } from "./keys";

export function KeyHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard" onClose={onClose} wide>
      <dl class="keys">
        {KEYS.map((key) => (
          <div key={key.shown}>
            <dt>
              {key.shown.split(" ").map((each) => (
                <kbd key={each}>{each}</kbd>
              ))}
            </dt>
            <dd>{key.what}</dd>
          </div>
        ))}
      </dl>
      <p class="note">
        On the timeline: drag to seek, Shift-drag to mark a range, wheel or pinch to zoom, Shift-wheel to move.
      </p>
    </Dialog>
  );
}
