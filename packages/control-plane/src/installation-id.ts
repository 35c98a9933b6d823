import type { Table } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import { AgentFlowError, instant } from "@agentflow/protocol";

export const installationKey = "installation";
const rounds = 3;

export interface Installation {
  readonly id: string;
  /** The restore that it came from, if it came from one: its log has other revisions than the one before. */
  readonly restored: string | undefined;
  /** Logs that it was restored into. */
  readonly logs?: number;
}

/** Made once, by whoever comes first; the row is the truth. */
export async function installationOf(table: Table, world: Pick<World, "random" | "clock">): Promise<string> {
  return (await installationIn(table, world)).id;
}

export async function installationIn(
  table: Table,
  world: Pick<World, "random" | "clock">,
): Promise<Installation> {
  for (let round = 0; round < rounds; round++) {
    const row = await table.get(installationKey);
    if (row !== undefined) return parseInstallation(row.value);
    const id = Buffer.from(world.random.bytes(8)).toString("hex");
    const createdAt = instant(world.clock.now());
    const put = await table.put(installationKey, JSON.stringify({ v: 1, id, createdAt }), { expect: 0 });
    if (put.ok) return { id, restored: undefined };
  }
  throw new AgentFlowError("unavailable", "the installation's row kept changing");
}

/** What the row, or a copy of it in a file, says. */
export function parseInstallation(text: string): Installation {
  const row: unknown = JSON.parse(text);
  if (typeof row !== "object" || row === null) return { id: "unknown", restored: undefined };
  const id = "id" in row && typeof row.id === "string" ? row.id : "unknown";
  const restored = "restored" in row && typeof row.restored === "string" ? row.restored : undefined;
  const logs = "logs" in row && typeof row.logs === "number" ? { logs: row.logs } : {};
  return { id, restored, ...logs };
}

/** The row as a restore writes it. */
export function showRestored(text: string, of: { readonly restored: string; readonly logs: number }): string {
  const row: unknown = JSON.parse(text);
  return JSON.stringify({ ...(typeof row === "object" ? row : {}), ...of });
}
