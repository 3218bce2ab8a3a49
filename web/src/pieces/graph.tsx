const WIDTH = 240;
const HEIGHT = 40;
/** How wide a value is that has no neighbour. */
const ALONE = 3;

interface Props {
  /** Oldest first; null where there is nothing to be said. */
  values: (number | null)[];
  /** What is seen, in words. */
  label: string;
}

/** Numbers over time as an area: from zero to the largest of them. */
export function Graph({ values, label }: Props) {
  const top = Math.max(...values.map((value) => value ?? 0));
  const x = (step: number) => (step / Math.max(1, values.length - 1)) * WIDTH;
  const y = (value: number) => HEIGHT - 1 - (top > 0 ? value / top : 0) * (HEIGHT - 3);
  return (
    <svg class="graph" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <rect class="track" x="0" y="0" width={WIDTH} height={HEIGHT} />
      {runs(values).map(({ from, run }) => {
        const places = run.map((value, nth) => [x(from + nth), y(value)] as const);
        // One alone would be a point, which is not seen.
        const [first, last] = [Math.min(places[0]![0], WIDTH - ALONE), places.at(-1)!];
        const line = [[first, places[0]![1]] as const, ...places, [Math.max(last[0], first + ALONE), last[1]] as const];
        const points = line.map(([at, height]) => `${at.toFixed(1)},${height.toFixed(1)}`).join(" ");
        return (
          <g key={from}>
            <polygon points={`${first},${HEIGHT} ${points} ${Math.max(last[0], first + ALONE)},${HEIGHT}`} />
            <polyline points={points} />
          </g>
        );
      })}
    </svg>
  );
}

/** The runs of values without a hole. */
export function runs(values: (number | null)[]): { from: number; run: number[] }[] {
  const all: { from: number; run: number[] }[] = [];
  values.forEach((value, step) => {
    if (value === null) return;
    const last = all.at(-1);
    if (last && last.from + last.run.length === step) last.run.push(value);
    else all.push({ from: step, run: [value] });
  });
  return all;
}
