import type { Table } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import { AgentFlowError, instant } from "@agentflow/protocol";

export const installationKey = "installation";
const rounds = 3;

/** Made once, by whoever comes first; the row is the truth. */
export async function installationOf(table: Table, world: Pick<World, "random" | "clock">): Promise<string> {
  for (let round = 0; round < rounds; round++) {
    const row = await table.get(installationKey);
    if (row !== undefined) return idIn(row.value);
    const id = Buffer.from(world.random.bytes(8)).toString("hex");
    const createdAt = instant(world.clock.now());
    const put = await table.put(installationKey, JSON.stringify({ v: 1, id, createdAt }), { expect: 0 });
    if (put.ok) return id;
  }
  throw new AgentFlowError("unavailable", "the installation's row kept changing");
}

/** What the row, or a copy of it in a file, says. */
export function idIn(text: string): string {
  const row: unknown = JSON.parse(text);
  if (typeof row !== "object" || row === null || !("id" in row)) return "unknown";
  return typeof row.id === "string" ? row.id : "unknown";
}
