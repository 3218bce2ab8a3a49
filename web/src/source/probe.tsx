import { useEffect, useRef, useState } from "preact/hooks";
import type { Client } from "../api/client";
import { describeError } from "../api/error";
import type { Probe } from "../api/types";
import { type SourceDraft, triedSettingsOf, tidied } from "./draft";
import { probeText, trackText } from "./words";

type Tried = { state: "none" } | { state: "asking" } | { state: "answered"; probe: Probe } | { state: "failed"; why: string };

const NO_PICTURE: Record<Tried["state"], string> = {
  none: "Test the address to see its picture here.",
  asking: "Calling the camera…",
  answered: "No picture.",
  failed: "No picture.",
};

export interface Probing {
  tried: Tried;
  run: () => void;
}

/** Tries a camera when asked to; what is known of another address is forgotten. */
export function useProbe(client: Client, draft: SourceDraft, onDraft: (draft: SourceDraft) => void): Probing {
  const [tried, setTried] = useState<Tried>({ state: "none" });
  const key = JSON.stringify(triedSettingsOf(draft));
  const current = useRef(key);
  useEffect(() => {
    current.current = key;
    setTried({ state: "none" });
  }, [key]);
  const run = () => {
    setTried({ state: "asking" });
    onDraft(tidied(draft));
    client.probe(triedSettingsOf(draft)).then(
      (probe) => current.current === key && setTried({ state: "answered", probe }),
      (thrown: unknown) => current.current === key && setTried({ state: "failed", why: describeError(thrown) }),
    );
  };
  return { tried, run };
}

/** What the camera shows, or why it shows nothing. */
export function ProbeResult({ tried }: { tried: Tried }) {
  return (
    <div class="probe" role="status" aria-live="polite">
      <div class="probe-picture">
        {tried.state === "answered" && tried.probe.picture ? (
          <img src={tried.probe.picture} alt="What the camera sees" />
        ) : (
          <p>{NO_PICTURE[tried.state]}</p>
        )}
      </div>
      {tried.state === "failed" && <p class="message error">{tried.why}</p>}
      {tried.state === "answered" && <Answer probe={tried.probe} />}
    </div>
  );
}

function Answer({ probe }: { probe: Probe }) {
  return (
    <>
      <p class="probe-answer">{probeText(probe)}</p>
      <ul class="probe-tracks">
        {probe.tracks.map((track, index) => (
          <li key={index}>
            <strong>{track.kind === "video" ? "Video" : "Sound"}</strong> {trackText(track)}
          </li>
        ))}
      </ul>
      {probe.warnings.map((warning) => (
        <p key={warning} class="message warning">
          {warning}
        </p>
      ))}
    </>
  );
}
