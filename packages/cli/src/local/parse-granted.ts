/** The first line of an `auth.conf` of ours: what it grants, for whoever widens it later. */
import { type BuildId, isId, type PoolName } from "@agentflow/protocol";

export interface Granted {
  readonly accounts: boolean;
  readonly pools: readonly PoolName[];
  readonly builds: readonly BuildId[];
  readonly anyBuild: boolean;
}

const mark = "# granted ";

export function writeGranted({ accounts, pools, builds, anyBuild }: Granted): string {
  // Said only where it holds: the line stays what older releases wrote.
  const any = anyBuild ? { anyBuild } : {};
  return `${mark}${JSON.stringify({ v: 1, accounts, pools, builds, ...any })}\n`;
}

/** Undefined for a file that is none of ours. */
export function parseGranted(config: string): Granted | undefined {
  const [first = ""] = config.split("\n");
  if (!first.startsWith(mark)) return undefined;
  const said = fields(first.slice(mark.length));
  return {
    accounts: said["accounts"] === true,
    pools: texts(said["pools"]).filter((pool) => isId("pool", pool)),
    builds: texts(said["builds"]).filter((build) => isId("build", build)),
    anyBuild: said["anyBuild"] === true,
  };
}

function fields(text: string): { readonly [key: string]: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
