import type { Client } from "./client";

// Operations and their members have the names that the interface of the Key Management Service gives them.

export interface KeyMetadata {
  KeyId: string;
  Arn: string;
  Description: string;
  KeyState: "Enabled" | "Disabled" | "PendingDeletion";
  /** `AWS`: it is this server's own, and cannot be changed. */
  KeyManager: "AWS" | "CUSTOMER";
  /** Seconds since the epoch. */
  CreationDate: number;
  DeletionDate?: number;
}

export interface Rotation {
  KeyRotationEnabled: boolean;
  RotationPeriodInDays?: number;
  NextRotationDate?: number;
}

export interface Alias {
  AliasName: string;
  TargetKeyId: string;
}

/** A version that a key came by. */
export interface PastRotation {
  RotationDate: number;
  RotationType: "AUTOMATIC" | "ON_DEMAND";
}

/** A stream and the keys it depends on. */
export interface KeyedStream {
  name: string;
  kind: "data" | "video";
  key: string;
  older_keys: string[];
}

interface StreamsPage {
  streams: KeyedStream[];
  next: string | null;
}

/** Lists longer than this are cut: the page could not show them anyway. */
const KEYS_MAX = 500;
const STREAMS_MAX = 2_000;

/** Key-encryption keys, over the operations of their own interface. */
export class Kms {
  constructor(private readonly client: Client) {}

  async ids(): Promise<string[]> {
    return (await this.all<{ KeyId: string }>("ListKeys", "Keys", {})).map((key) => key.KeyId);
  }

  /** Of one key, or of all. */
  aliases(key?: string): Promise<Alias[]> {
    return this.all("ListAliases", "Aliases", key === undefined ? {} : { KeyId: key });
  }

  /** Oldest first. */
  rotations(key: string): Promise<PastRotation[]> {
    return this.all("ListKeyRotations", "Rotations", { KeyId: key });
  }

  async describe(key: string): Promise<KeyMetadata> {
    return (await this.call<{ KeyMetadata: KeyMetadata }>("DescribeKey", { KeyId: key })).KeyMetadata;
  }

  rotation(key: string): Promise<Rotation> {
    return this.call("GetKeyRotationStatus", { KeyId: key });
  }

  async create(description: string): Promise<string> {
    const made = await this.call<{ KeyMetadata: KeyMetadata }>("CreateKey", { Description: description });
    return made.KeyMetadata.KeyId;
  }

  async addAlias(alias: string, key: string): Promise<void> {
    await this.call("CreateAlias", { AliasName: alias, TargetKeyId: key });
  }

  async removeAlias(alias: string): Promise<void> {
    await this.call("DeleteAlias", { AliasName: alias });
  }

  async setEnabled(key: string, enabled: boolean): Promise<void> {
    await this.call(enabled ? "EnableKey" : "DisableKey", { KeyId: key });
  }

  async rotate(key: string): Promise<void> {
    await this.call("RotateKeyOnDemand", { KeyId: key });
  }

  /** Every so many days, or not by itself. */
  async scheduleRotation(key: string, days: number | null): Promise<void> {
    if (days === null) await this.call("DisableKeyRotation", { KeyId: key });
    else await this.call("EnableKeyRotation", { KeyId: key, RotationPeriodInDays: days });
  }

  async scheduleDeletion(key: string, days: number): Promise<void> {
    await this.call("ScheduleKeyDeletion", { KeyId: key, PendingWindowInDays: days });
  }

  async cancelDeletion(key: string): Promise<void> {
    await this.call("CancelKeyDeletion", { KeyId: key });
  }

  /** Streams of every kind. */
  async streams(): Promise<KeyedStream[]> {
    const all: KeyedStream[] = [];
    let after = "";
    do {
      const page: StreamsPage = await this.client.json("GET", `/v1/keys/streams?limit=500&after=${encodeURIComponent(after)}`);
      all.push(...page.streams);
      after = page.next ?? "";
    } while (after !== "" && all.length < STREAMS_MAX);
    return all;
  }

  private async all<T>(operation: string, list: string, input: object): Promise<T[]> {
    const all: T[] = [];
    let marker: string | undefined;
    do {
      const page: Record<string, unknown> = await this.call(operation, { ...input, Limit: 100, Marker: marker });
      all.push(...(page[list] as T[]));
      marker = page["NextMarker"] as string | undefined;
    } while (marker !== undefined && all.length < KEYS_MAX);
    return all;
  }

  private call<T>(operation: string, input: object): Promise<T> {
    return this.client.operation(`/v1/kms/${operation}`, input);
  }
}
