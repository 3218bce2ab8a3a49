import type { Alias, KeyMetadata, KeyedStream, Rotation } from "../api/kms";

/** Names of this server's own keys. */
const OWN = "alias/aws/";

/** What a key is called: by its first alias that is not this server's, or its description, or its id. */
export function keyName(key: KeyMetadata, aliases: Alias[]): string {
  const own = aliases.filter((alias) => alias.TargetKeyId === key.KeyId).map((alias) => alias.AliasName);
  return own.find((name) => !name.startsWith(OWN)) ?? (key.Description || key.KeyId);
}

export function stateText(key: KeyMetadata): string {
  return { Enabled: "● Enabled", Disabled: "○ Disabled", PendingDeletion: "⚠ Pending deletion" }[key.KeyState];
}

export function rotationText({ KeyRotationEnabled: enabled, RotationPeriodInDays: days }: Rotation): string {
  return enabled ? `every ${days ?? 365} days` : "on demand only";
}

/** Streams that write under a key now, and those that have only written under it before. */
export function dependents(streams: KeyedStream[], key: string): { now: KeyedStream[]; before: KeyedStream[] } {
  return {
    now: streams.filter((stream) => stream.key === key),
    before: streams.filter((stream) => stream.key !== key && stream.older_keys.includes(key)),
  };
}

const NAMED_MAX = 5;

/** `orders, yard and 3 more`. */
export function named(streams: KeyedStream[]): string {
  const names = streams.slice(0, NAMED_MAX).map((stream) => stream.name);
  const more = streams.length - names.length;
  if (more > 0) return `${names.join(", ")} and ${more} more`;
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
