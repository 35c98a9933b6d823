/** Reads that may be refused: a doctor says so and goes on. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import type { Cluster } from "../cluster.ts";
import { isObject } from "../deploy/reading.ts";

/** `absent` where there is none, `forbidden` where we may not look. Throws when nobody answers. */
export async function ask(cluster: Cluster, path: string): Promise<JsonObject | "absent" | "forbidden"> {
  try {
    const found = await cluster.send(`reading ${path}`, { method: "GET", path });
    return isObject(found) ? found : "absent";
  } catch (error) {
    if (AgentFlowError.is(error) && error.code === "forbidden") return "forbidden";
    if (AgentFlowError.is(error) && error.code === "not_found") return "absent";
    throw error;
  }
}
