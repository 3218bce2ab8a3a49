import { useEffect, useMemo } from "preact/hooks";
import type { Client } from "../api/client";
import { Pictures } from "../player/pictures";
import { TimelineView } from "../timeline/view-model";
import { Footage } from "./footage";

/** The long-lived things behind one stream's page. */
export interface StreamParts {
  footage: Footage;
  pictures: Pictures;
  model: TimelineView;
}

/** Made when the page opens, stopped when it is left. */
export function useStreamParts(client: Client, name: string): StreamParts {
  const parts = useMemo(() => {
    const footage = new Footage(client, name);
    return { footage, pictures: new Pictures(client, name), model: new TimelineView(footage.limits()) };
  }, [client, name]);
  useEffect(() => {
    parts.footage.start();
    return () => {
      parts.footage.stop();
      parts.pictures.close();
    };
  }, [parts]);
  return parts;
}
