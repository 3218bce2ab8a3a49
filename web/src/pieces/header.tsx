import { session, signOut, zone } from "../session";
import { useStore } from "../store";
import { zoneName } from "../time/format";

const PLACES = [
  { area: "video", href: "#/", title: "Streams" },
  { area: "data", href: "#/data", title: "Data" },
  { area: "users", href: "#/users", title: "Users" },
  { area: "keys", href: "#/keys", title: "Keys" },
  { area: "audit", href: "#/audit", title: "Audit" },
] as const;

interface Props {
  area: Area;
  /** What the page is of, if it is one thing's. */
  of: string | null;
}

export type Area = (typeof PLACES)[number]["area"];

export function Header({ area, of }: Props) {
  const shown = useStore(zone);
  const local = zoneName(Date.now(), "local");
  return (
    <header class="top">
      <a class="brand" href="#/" aria-label="Kinetoscope, list of streams">
        <svg viewBox="0 0 32 32" width="20" height="20" aria-hidden="true">
          <circle cx="16" cy="16" r="12" />
          <path d="M13 10.5v11l8.6-5.5z" />
        </svg>
        <span>Kinetoscope</span>
      </a>
      <nav aria-label="Where you are" class={of === null ? "" : "inside"}>
        {PLACES.map((place) =>
          place.area === area && of === null ? (
            <span key={place.area} aria-current="page">
              {place.title}
            </span>
          ) : (
            <a key={place.area} href={place.href}>
              {place.title}
            </a>
          ),
        )}
        {of !== null && (
          <>
            <span aria-hidden="true" class="slash">
              /
            </span>
            <span aria-current="page" class="crumb">
              {of}
            </span>
          </>
        )}
      </nav>
      <div class="top-tools">
        <div class="switch" role="group" aria-label="Time zone">
          <button type="button" aria-pressed={shown === "local"} onClick={() => zone.set("local")} title={local}>
            Local
          </button>
          <button type="button" aria-pressed={shown === "utc"} onClick={() => zone.set("utc")}>
            UTC
          </button>
        </div>
        <button type="button" class="quiet" onClick={signOut} title={`Signed in as ${session.value?.client.credentials.id}`}>
          Sign out
        </button>
      </div>
    </header>
  );
}
