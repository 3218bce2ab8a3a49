import type { DataStream } from "../api/kinesis";

export function modeName(stream: DataStream): string {
  return stream.StreamModeDetails.StreamMode === "ON_DEMAND" ? "On demand" : "Provisioned";
}

/** `ACTIVE` as `Active`. */
export function statusName(status: string): string {
  return status.charAt(0) + status.slice(1).toLowerCase();
}
