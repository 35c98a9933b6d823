/** The door for authored agents and models: the schemas of the protocol, loaded when there are some. */
import type { AgentDefinition, Manifest, SandboxPolicy } from "@agentflow/protocol";
import type { SchemaFault } from "@agentflow/protocol/schema";

/** Throws what `fault` makes of the first fault. */
export async function parseAgent(
  value: unknown,
  fault: (fault: SchemaFault) => Error,
): Promise<AgentDefinition> {
  const { agentSchema, faultsOf } = await import("@agentflow/protocol/schema");
  const [first] = faultsOf(agentSchema, value);
  if (first !== undefined) throw fault(named(first));
  return value as AgentDefinition;
}

export async function parseModels(
  value: unknown,
  fault: (fault: SchemaFault) => Error,
): Promise<NonNullable<Manifest["models"]>> {
  const { faultsOf, modelsSchema } = await import("@agentflow/protocol/schema");
  const [first] = faultsOf(modelsSchema, value);
  if (first !== undefined) throw fault(named(first));
  return value as NonNullable<Manifest["models"]>;
}

export async function parseSandboxPolicy(
  value: unknown,
  fault: (fault: SchemaFault) => Error,
): Promise<SandboxPolicy> {
  const { faultsOf, sandboxPolicySchema } = await import("@agentflow/protocol/schema");
  const [first] = faultsOf(sandboxPolicySchema, value);
  if (first !== undefined) throw fault(named(first));
  return value as SandboxPolicy;
}

function named({ path, message }: SchemaFault): SchemaFault {
  return { path, message: path.length === 0 ? message : `${path.join(".")}: ${message}` };
}
