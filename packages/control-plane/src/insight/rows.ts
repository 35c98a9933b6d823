/** Which rows of the table may be looked at, and by whom. What is not known here is shown by name alone. */
import type { TenantId } from "@agentflow/protocol";

/** Rows whose second word is their tenant. */
const ofTenants = ["worker.", "workflow."] as const;
/** Rows of the whole installation that hold nothing secret. */
const open = [
  "archived.",
  "node.",
  "owner.",
  "watermark.",
  "installation",
  "restore",
  "backup.sync",
] as const;

export interface Readable {
  readonly tenant?: string;
  readonly withheld?: "secret";
}

/** Whose row it is, and whether what stands in it may be shown to anybody. */
export function readable(key: string): Readable {
  const [, tenant = ""] = key.split(".");
  if (ofTenants.some((prefix) => key.startsWith(prefix))) return { tenant };
  return open.some((prefix) => key.startsWith(prefix)) ? {} : { withheld: "secret" };
}

/** A tenant sees rows of its own and none else. */
export function isWithin(tenant: TenantId | undefined, key: string): boolean {
  return tenant === undefined || ofTenants.some((prefix) => key.startsWith(`${prefix}${tenant}.`));
}

/** What has to be listed to find the rows under a prefix. */
export function rowsFrom(tenant: TenantId | undefined, prefix: string): readonly string[] {
  if (tenant === undefined) return [prefix];
  const own = ofTenants.map((start) => `${start}${tenant}.`);
  return own.flatMap((start) => {
    if (prefix.startsWith(start)) return [prefix];
    return start.startsWith(prefix) ? [start] : [];
  });
}
