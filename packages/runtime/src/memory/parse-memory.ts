/** The door for what a session holds. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Memory } from "./memory.ts";

/** Throws `refused`, reason `newer_version`, for a memory that this build does not know. */
export function parseMemory(body: string): Memory {
  const memory = JSON.parse(body) as Partial<Memory> | null;
  if (memory?.v === 1 && memory.kind === "memory" && Array.isArray(memory.exchanges)) return memory as Memory;
  throw new AgentFlowError("refused", "a session's memory that this version cannot read", {
    reason: "newer_version",
  });
}
