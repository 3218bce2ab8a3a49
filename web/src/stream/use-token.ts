import { useEffect, useState } from "preact/hooks";
import type { Tokens } from "../api/tokens";
import { MINUTE, SECOND } from "../time/format";

const RETRY_MS = 5 * SECOND;

/** A playback token for links that the browser follows by itself; renewed while the page stands. */
export function useToken(tokens: Tokens, stream: string): string | null {
  const [text, setText] = useState<string | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let stopped = false;
    const renew = () =>
      tokens.play(stream).then(
        (token) => {
          if (stopped) return;
          setText(token.text);
          timer = setTimeout(renew, MINUTE);
        },
        () => {
          if (!stopped) timer = setTimeout(renew, RETRY_MS);
        },
      );
    void renew();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [tokens, stream]);
  return text;
}
