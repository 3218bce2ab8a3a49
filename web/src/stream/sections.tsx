import { useState } from "preact/hooks";
import type { Client } from "../api/client";
import type { VideoInfo } from "../api/types";
import { PushCommands } from "../commands/push-commands";
import type { OnScreen } from "../commands/read";
import type { Zone } from "../time/format";
import type { Footage } from "./footage";
import { Gaps } from "./gaps";
import { ReadTab } from "./read-tab";
import { Settings } from "./settings";

interface Props {
  client: Client;
  footage: Footage;
  info: VideoInfo;
  zone: Zone;
  /** Null before there is anything to read. */
  reading: OnScreen | null;
  onSeek: (ms: number) => void;
}

type Section = "push" | "gaps" | "read" | "settings";

/** What lies below the player, one at a time. */
export function Sections({ client, footage, info, zone, reading, onSeek }: Props) {
  const sections: [Section, string][] = reading
    ? [["gaps", "Gaps"], ["push", "Ingest"], ["read", "API"], ["settings", "Settings"]]
    : [["settings", "Settings"]];
  const [chosen, setChosen] = useState<Section>(sections[0]![0]);
  // Arrow keys move between tabs, as everywhere; on the rest of the page they move the playhead.
  const onKey = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const at = sections.findIndex(([id]) => id === chosen);
    const [next] = sections[(at + by + sections.length) % sections.length]!;
    setChosen(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div class="sections">
      <div class="tabs" role="tablist" aria-label="More about this stream" onKeyDown={onKey}>
        {sections.map(([id, title]) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`tab-${id}`}
            aria-selected={chosen === id}
            aria-controls="section"
            tabIndex={chosen === id ? 0 : -1}
            onClick={() => setChosen(id)}
          >
            {title}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="section" aria-labelledby={`tab-${chosen}`}>
        <h2 class="visually-hidden">{sections.find(([id]) => id === chosen)?.[1]}</h2>
        {chosen === "push" && <PushCommands client={client} stream={info.name} />}
        {chosen === "gaps" && <Gaps footage={footage} zone={zone} onSeek={onSeek} />}
        {chosen === "read" && reading && <ReadTab {...reading} />}
        {chosen === "settings" && (
          <Settings client={client} info={info} zone={zone} onChanged={() => void footage.refresh()} />
        )}
      </div>
    </div>
  );
}
