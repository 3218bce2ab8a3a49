// Line icons on a 16 × 16 grid. They are decoration: every button that carries one has a label of its own.

const PATHS = {
  play: "M5 3.2v9.6l7.6-4.8z",
  pause: "M4.5 3.5v9M11.5 3.5v9",
  back: "M7.5 4 3.5 8l4 4M12.5 4l-4 4 4 4",
  ahead: "m8.5 4 4 4-4 4M3.5 4l4 4-4 4",
  stepBack: "M11 4 6.5 8l4.5 4zM4.5 4v8",
  stepAhead: "m5 4 4.5 4L5 12zM11.5 4v8",
  muted: "M3 6.2h2.4L8.5 3.6v8.8L5.4 9.8H3zM11 6.2l3 3.6m0-3.6-3 3.6",
  sound: "M3 6.2h2.4L8.5 3.6v8.8L5.4 9.8H3zM11 5.6a3.4 3.4 0 0 1 0 4.8M12.7 4a5.7 5.7 0 0 1 0 8",
  fullscreen: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3",
  still: "M2.5 5h2.6l1-1.6h3.8l1 1.6h2.6v7.5h-11zM8 10.6a2 2 0 1 0 0-4 2 2 0 0 0 0 4",
  download: "M8 2.5v7.2M5 7l3 3 3-3M3 13h10",
  plus: "M8 3.5v9M3.5 8h9",
  minus: "M3.5 8h9",
  close: "m4 4 8 8m0-8-8 8",
  copy: "M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3z",
  range: "M5.5 3H3.5v10h2M10.5 3h2v10h-2M6.5 8h3",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M8 4.8V8l2.2 1.6",
  help: "M6 6.2A2 2 0 1 1 8.6 8c-.4.2-.6.5-.6 1v.4M8 11.8v.1",
  hold: "M4 7.2h8v5.8H4zM5.5 7V5.2a2.5 2.5 0 0 1 5 0V7",
  camera: "M2.5 4.5h7.8v7H2.5zM10.3 7l3.2-1.8v5.6L10.3 9",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
