import type { Client } from "./client";

export interface AccessKey {
  key_id: string;
  enabled: boolean;
  created_ms: number;
  /** Null: never. */
  last_used_ms: number | null;
}

export interface User {
  name: string;
  id: string;
  arn: string;
  created_ms: number;
  keys: AccessKey[];
  /** Names. */
  policies: string[];
}

export interface NewAccessKey {
  key_id: string;
  /** Told this once. */
  secret: string;
}

/** Whether something is allowed. */
export interface Verdict {
  allowed: boolean;
  /** The statement that decides; null: none allows it. */
  because: { policy: string | null; statement: number; sid: string | null } | null;
}

interface UserPage {
  users: User[];
  next: string | null;
}

/** Lists longer than this are cut: the page could not show them anyway. */
const USERS_MAX = 1_000;

/** Who may sign in besides root. */
export class Users {
  constructor(private readonly client: Client) {}

  async all(): Promise<User[]> {
    const all: User[] = [];
    let after = "";
    do {
      const page: UserPage = await this.client.json("GET", `/v1/users?limit=200&after=${encodeURIComponent(after)}`);
      all.push(...page.users);
      after = page.next ?? "";
    } while (after !== "" && all.length < USERS_MAX);
    return all;
  }

  one(user: string): Promise<User> {
    return this.client.json("GET", path(user));
  }

  create(user: string): Promise<User> {
    return this.client.json("PUT", path(user));
  }

  async remove(user: string): Promise<void> {
    await this.client.request("DELETE", path(user));
  }

  createKey(user: string): Promise<NewAccessKey> {
    return this.client.json("POST", path(user, "keys"));
  }

  async setKey(user: string, key: string, enabled: boolean): Promise<void> {
    await this.client.request("PATCH", path(user, "keys", key), { enabled });
  }

  async removeKey(user: string, key: string): Promise<void> {
    await this.client.request("DELETE", path(user, "keys", key));
  }

  /** As it was put. */
  async policy(user: string, policy: string): Promise<string> {
    return (await this.client.request("GET", path(user, "policies", policy))).text();
  }

  async putPolicy(user: string, policy: string, text: string): Promise<void> {
    await this.client.request("PUT", path(user, "policies", policy), text);
  }

  may(user: string, action: string, resource: string): Promise<Verdict> {
    return this.client.json("POST", "/v1/policies/check", { user, action, resource });
  }

  async removePolicy(user: string, policy: string): Promise<void> {
    await this.client.request("DELETE", path(user, "policies", policy));
  }
}

function path(user: string, ...rest: string[]): string {
  return `/v1/users/${[user, ...rest].map(encodeURIComponent).join("/")}`;
}
