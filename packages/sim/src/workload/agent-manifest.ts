/** Agents of the simulation that a model does, their models, and the tools that these may call. */
import type { AgentSpec, Callable, JsonSchema, Manifest, ModelDefinition } from "@agentflow/protocol";

const number: JsonSchema = {
  type: "object",
  properties: { amount: { type: "number" } },
  required: ["amount"],
};
const valued: JsonSchema = { type: "object", properties: { value: { type: "number" } }, required: ["value"] };

export const toolTimeoutMs = 1_500;
export const modelTimeout = "2s";

export const agentTools: readonly Callable[] = [
  { name: "desk.look", description: "Looks", effect: "read", file: "desk.ts", input: number },
  {
    name: "desk.put",
    description: "Writes",
    effect: "write",
    file: "desk.ts",
    input: number,
    timeoutMs: toolTimeoutMs,
  },
  {
    name: "desk.wire",
    description: "Sends money",
    effect: "irreversible",
    file: "desk.ts",
    input: number,
    timeoutMs: toolTimeoutMs,
  },
  {
    name: "desk.sign",
    description: "Signs",
    effect: "irreversible",
    file: "desk.ts",
    input: number,
    approval: "always",
  },
];

const limits = { turns: 20 };
const all = ["desk.look", "desk.put", "desk.wire"].map((tool) => ({ tool }));

function agent(of: Pick<Callable, "name" | "output"> & { readonly spec: Partial<AgentSpec> }): Callable {
  const { name, output, spec } = of;
  const base = { model: "main", instructions: `You are ${name} in run \${run.id}.`, limits };
  return {
    name,
    description: `Does what ${name} does`,
    effect: "write",
    file: `agents/${name}.yaml`,
    ...(output === undefined ? {} : { output }),
    agent: { ...base, tools: [], agents: [], handoffs: [], ...spec },
  };
}

export const modelAgents: readonly Callable[] = [
  agent({
    name: "solver",
    output: valued,
    spec: {
      tools: [...all, { tool: "desk.sign", expiresMs: 6_000 }],
      agents: ["helper"],
      handoffs: ["closer"],
    },
  }),
  agent({
    name: "helper",
    spec: { tools: [...all, { tool: "desk.sign", expiresMs: 20_000 }], agents: ["clerk"] },
  }),
  agent({ name: "clerk", spec: { model: "spare", tools: all } }),
  agent({ name: "closer", output: valued, spec: { model: "spare", tools: all, maxOutputTokens: 900 } }),
];

export const models: { readonly [name: string]: ModelDefinition } = {
  main: {
    provider: "sim",
    model: "big",
    timeout: modelTimeout,
    fallbacks: ["spare"],
    price: { input: 3, output: 15, cacheRead: 0.3 },
  },
  spare: { provider: "sim", model: "small", timeout: modelTimeout, price: { input: 0.25, output: 1.25 } },
};

/** The code as somebody would write it who forgot that signing needs a person. */
export function withoutApproval(manifest: Manifest): Manifest {
  const tools = manifest.tools.map(({ approval: _approval, ...tool }) => tool);
  return { ...manifest, tools };
}
