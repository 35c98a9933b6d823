import type { HealthCheck, Part } from "./installation.ts";

/** Part of our images; asks without loading anything else. */
const probe = "/opt/agentflow/health.js";

/** What is run within a container to learn whether it is healthy: as few processes and bytes as can be. */
export function healthTest({ role, health }: Pick<Part, "role" | "health">): readonly string[] | undefined {
  if (health === undefined) return undefined;
  return role === "nats" ? wget(health) : ["node", probe, String(health.port), health.path];
}

/** Without a timeout of its own: the engine ends a test that takes longer than it may. */
function wget({ port, path }: HealthCheck): readonly string[] {
  return ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${port}${path}`];
}
