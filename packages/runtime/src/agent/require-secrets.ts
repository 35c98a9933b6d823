import type { AgentHouse } from "./house.ts";
import { type ModelAgent, modelAgent } from "./rules.ts";

/**
 * Said before a model is asked: without the secrets of its tools, and of those of the agents it may call or
 * hand over to, it would only find out at a cost.
 */
export function requireSecrets(agent: ModelAgent, { keys, manifest }: AgentHouse): void {
  const code = manifest();
  if (code === undefined) return;
  const seen = new Set<string>();
  const open = [agent.name];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const spec = modelAgent(code, name)?.agent;
    if (spec === undefined || seen.has(name)) continue;
    seen.add(name);
    open.push(...spec.agents, ...spec.handoffs);
    for (const { tool } of spec.tools) {
      keys.secrets(code.tools.find((one) => one.name === tool)?.secrets ?? []);
    }
  }
}
