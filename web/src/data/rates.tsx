import { Graph } from "../pieces/graph";
import { bytes, duration } from "../time/format";
import { type Series, type Traffic, latest, latestAge, perSecond, rates, sum } from "./traffic";

/** How the stream was used in the last minutes. */
export function Rates({ traffic }: { traffic: Traffic }) {
  const { step_s: stepS, traffic: series } = traffic;
  const steps = Math.max(...Object.values(series).map((one: unknown[]) => one.length), 60);
  const span = duration(steps * stepS * 1000);
  return (
    <section aria-labelledby="rates-title">
      <h2 id="rates-title">
        Traffic <small>the last {span}</small>
      </h2>
      <div class="rates">
        <Flow name="In" of="taken in" bytes={rates(series.in_bytes, stepS)} records={rates(series.in_records, stepS)} />
        <Flow name="Out" of="given out" bytes={rates(series.out_bytes, stepS)} records={rates(series.out_records, stepS)} />
        <Throttled series={series} stepS={stepS} />
        <Age series={series} />
      </div>
    </section>
  );
}

function Tile({ name, figure, more, values, label }: { name: string; figure: string; more: string; values: (number | null)[]; label: string }) {
  return (
    <div class="rate" data-rate={name}>
      <h3>{name}</h3>
      <p class="figures">
        <strong>{figure}</strong> <span>{more}</span>
      </p>
      <Graph values={values} label={label} />
    </div>
  );
}

function Flow({ name, of, bytes: perStep, records }: { name: string; of: string; bytes: number[]; records: number[] }) {
  const top = `${bytes(Math.max(...perStep))}/s`;
  return (
    <Tile
      name={name}
      figure={`${bytes(latest(perStep))}/s`}
      more={`${perSecond(latest(records), "records")}, at most ${top}`}
      values={perStep}
      label={`Bytes ${of} per second, at most ${top}`}
    />
  );
}

function Throttled({ series, stepS }: { series: Series; stepS: number }) {
  const all = rates(sum(series.throttled_records, series.throttled_reads), stepS);
  const records = latest(rates(series.throttled_records, stepS));
  const reads = latest(rates(series.throttled_reads, stepS));
  const top = perSecond(Math.max(...all));
  return (
    <Tile
      name="Throttled"
      figure={perSecond(records + reads)}
      more={`${perSecond(records, "records")}, ${perSecond(reads, "reads")}`}
      values={all}
      label={`Records and reads refused as too fast per second, at most ${top}`}
    />
  );
}

function Age({ series: { iterator_age_ms: ages } }: { series: Series }) {
  const age = latestAge(ages);
  const top = Math.max(...(ages ?? []).map((one) => one ?? 0), 0);
  return (
    <Tile
      name="Iterator age"
      figure={ageText(age)}
      more={age === null ? "nobody reads" : `of the slowest reader, at most ${duration(top)}`}
      values={ages ?? []}
      label={age === null ? "Nobody has read" : `How far the slowest reader was behind, at most ${duration(top)}`}
    />
  );
}

/** `–`, `none`, `3 min 20 s`. */
export function ageText(age: number | null): string {
  if (age === null) return "–";
  return age === 0 ? "none" : duration(age);
}

/** A shard's rates, as cells of its row. */
export function RateCells({ series, stepS }: { series: Series | undefined; stepS: number }) {
  const flow = (name: string, counts: number[] | undefined, records: number[] | undefined) => {
    const perStep = rates(counts, stepS);
    return (
      <td class="cell-flow">
        <small class="unit">{name} </small>
        <span class="figures">
          {bytes(latest(perStep))}/s · {perSecond(latest(rates(records, stepS)))}
        </span>
        {counts && <Graph values={perStep} label={`${name}: at most ${bytes(Math.max(...perStep))}/s`} />}
      </td>
    );
  };
  const throttled = rates(sum(series?.throttled_records, series?.throttled_reads), stepS);
  return (
    <>
      {flow("In", series?.in_bytes, series?.in_records)}
      {flow("Out", series?.out_bytes, series?.out_records)}
      <td class="number cell-throttled">
        <small class="unit">Throttled </small>
        {perSecond(latest(throttled))}
      </td>
      <td class="number cell-age">
        <small class="unit">Iterator age </small>
        {ageText(latestAge(series?.iterator_age_ms))}
      </td>
    </>
  );
}
