import { useEffect, useRef, useState } from "preact/hooks";
import type { Tokens } from "../api/tokens";
import type { Pictures } from "../player/pictures";
import { type Playback, choosePlayback } from "../player/playback";
import { StillsPlayer } from "../player/stills-player";
import type { Transport } from "../player/transport";
import { VideoPlayer } from "../player/video-player";
import { useStore } from "../store";
import { expose } from "./exposed";
import type { Footage } from "./footage";

interface Needs {
  footage: Footage;
  pictures: Pictures;
  tokens: Tokens;
  video: { current: HTMLVideoElement | null };
  /** Where to begin; null: live. */
  atMs: number | null;
}

export interface Playing {
  /** Null until the stream has footage. */
  transport: Transport | null;
  /** Set when stills stand in for the player. */
  stills: StillsPlayer | null;
  reason: string | null;
}

interface Refusal {
  codecs: string;
  reason: string;
  instantMs: number | null;
}

const NOTHING: Playing = { transport: null, stills: null, reason: null };

/** Chooses the way this browser can show the stream, and again when the camera changes its codec. */
export function useTransport({ footage, pictures, tokens, video, atMs }: Needs): Playing {
  const info = useStore(footage.info);
  const ready = useStore(footage.ready);
  const codecs = info?.codecs ?? null;
  /** Looked playable but was not: the newest footage, or (`instantMs`) some of the past in another codec. */
  const [refused, setRefused] = useState<Refusal | null>(null);
  const beginMs = useRef(atMs);
  const [playing, setPlaying] = useState<Playing>(NOTHING);

  useEffect(() => {
    if (!ready || codecs === null) return undefined;
    const playback: Playback =
      refused?.codecs === codecs ? { kind: "stills", reason: refused.reason } : choosePlayback(codecs);
    if (playback.kind === "stills") {
      const leave = (nextMs: number | null) => {
        beginMs.current = nextMs;
        setRefused(null);
      };
      const onlyHere = refused?.codecs === codecs && refused.instantMs !== null;
      const stills = new StillsPlayer(footage, pictures, onlyHere ? leave : null);
      setPlaying({ transport: stills, stills, reason: playback.reason });
      expose(() => ({ stills: true, state: stills.state.value, video: null }));
      begin(stills, onlyHere ? refused.instantMs : beginMs.current);
      return () => end(stills);
    }
    const element = video.current!;
    const token = {
      get: () => tokens.play(footage.name).then((held) => held.text),
      refused: () => tokens.forget(footage.name),
    };
    const player = new VideoPlayer(element, footage, playback.open, token, (error, instantMs) => {
      setRefused({ codecs, instantMs, reason: error.message });
    });
    setPlaying({ transport: player, stills: null, reason: null });
    expose(() => ({ stills: false, state: player.state.value, video: element }));
    begin(player, beginMs.current);
    return () => end(player);
  }, [footage, pictures, tokens, ready, codecs, refused]);

  return playing;
}

function begin(transport: Transport, atMs: number | null): void {
  if (atMs === null) transport.goLive();
  else transport.seek(atMs);
}

function end(transport: Transport): void {
  expose(null);
  transport.destroy();
}
