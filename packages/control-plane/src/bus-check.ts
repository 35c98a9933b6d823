/** Whether the bus keeps what it is given: proved by a row that is written, read back and taken away. */
import type { Table } from "@agentflow/bus";
import { sleep, type World } from "@agentflow/host/clock";
import { AgentFlowError, type BusCheck } from "@agentflow/protocol";

const prefix = "doctor.";
const rounds = 40;
const pauseMs = 50;

/** Rejects with what the bus said, or when the row is not there again in time. Leaves nothing behind. */
export async function checkBus(table: Table, world: World): Promise<BusCheck> {
  const { clock, random, timers } = world;
  const value = Buffer.from(random.bytes(16)).toString("hex");
  const key = `${prefix}${Buffer.from(random.bytes(8)).toString("hex")}`;
  const at = (): number => clock.now();
  const fromMs = at();
  const put = await table.put(key, value, { expect: 0 });
  if (!put.ok)
    throw new AgentFlowError("conflict", "a row of the bus had been written before", { reason: "row_taken" });
  const writtenMs = at();
  try {
    for (let round = 0; (await table.get(key))?.value !== value; round++) {
      if (round === rounds) {
        throw new AgentFlowError("unavailable", "a row was written to the bus and could not be read back", {
          reason: "bus_forgets",
          suggestions: ["af bus doctor"],
        });
      }
      await sleep(timers, pauseMs);
    }
    const readMs = at();
    return { writeMs: writtenMs - fromMs, readMs: readMs - writtenMs };
  } finally {
    await table.delete(key, { expect: "any" });
  }
}
