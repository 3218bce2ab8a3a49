import { HOUR, duration } from "../time/format";

/** Ten years. */
const HOURS_MAX = 87_600;

/** `hours` is not a number while the field is empty. */
export function RetentionField({ hours, onHours }: { hours: number; onHours: (hours: number) => void }) {
  return (
    <label>
      Keep footage for
      <span class="with-unit">
        <input
          type="number"
          name="retention"
          required
          min={1}
          max={HOURS_MAX}
          value={Number.isFinite(hours) ? hours : ""}
          onInput={(event) => onHours(event.currentTarget.valueAsNumber)}
        />
        hours {Number.isFinite(hours) && hours >= 48 && <small>= {duration(hours * HOUR)}</small>}
      </span>
    </label>
  );
}
