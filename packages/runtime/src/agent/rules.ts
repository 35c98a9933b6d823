/** What a loop may do, read from the manifest of the loaded code. */
import type { CallableRule, ModelRule, TurnRules } from "@agentflow/core/turn";
import {
  AgentFlowError,
  type AgentSpec,
  type Callable,
  type JsonSchema,
  type Manifest,
  type ModelDefinition,
  type PriceDefinition,
  agentDefaults,
} from "@agentflow/protocol";
import { hash } from "node:crypto";

/** An agent whose loop is driven here, as the manifest describes it. */
export interface ModelAgent extends Callable {
  readonly agent: AgentSpec;
}

export type PriceOf = (model: ModelDefinition) => PriceDefinition | undefined;

/** Undefined for an agent that is a function, or that there is none of. */
export function modelAgent(manifest: Manifest, name: string): ModelAgent | undefined {
  const found = manifest.agents.find((agent) => agent.name === name);
  return found?.agent === undefined ? undefined : { ...found, agent: found.agent };
}

export function noAgent(name: string): AgentFlowError {
  return new AgentFlowError("not_found", `this project has no agent ${name} that a model does`, {
    reason: "unknown_callable",
    suggestions: ["af validate", "af agent list"],
  });
}

export interface RulesOf {
  readonly manifest: Manifest;
  readonly run: string;
  readonly step: string;
  readonly agent: ModelAgent;
  readonly priceOf: PriceOf;
}

/** Throws `invalid_project` for an agent that names what the project does not have. */
export function rulesOf(of: RulesOf): Omit<TurnRules, "budget" | "deadline"> {
  const { manifest, run, step, agent } = of;
  return {
    run,
    step,
    hash: (text) => hash("sha256", text),
    agent: agent.name,
    spec: agent.agent,
    ...(agent.output === undefined ? {} : { output: agent.output }),
    callables: callablesOf(agent, manifest),
    models: modelsOf(agent, of),
  };
}

function callablesOf(agent: ModelAgent, manifest: Manifest): ReadonlyMap<string, CallableRule> {
  const { tools, agents, handoffs } = agent.agent;
  const callables = new Map<string, CallableRule>();
  for (const of of tools) {
    const tool = found(manifest.tools, of.tool, `agent ${agent.name} lists the tool`);
    const approval = of.approval ?? tool.approval;
    callables.set(of.tool.replace(".", "__"), {
      kind: "tool",
      tool: of.tool,
      description: tool.description,
      input: tool.input ?? anyObject,
      effect: tool.effect,
      expiresMs: of.expiresMs ?? agentDefaults.approvalExpiresMs,
      ...(approval === undefined ? {} : { approval }),
    });
  }
  for (const name of agents) {
    const other = found(manifest.agents, name, `agent ${agent.name} may call the agent`);
    const { description, input = aTask } = other;
    const own = other.agent === undefined ? { effect: other.effect } : {};
    callables.set(`agent__${name}`, { kind: "agent", agent: name, description, input, ...own });
  }
  for (const name of handoffs) {
    const { description } = found(manifest.agents, name, `agent ${agent.name} hands off to the agent`);
    const told = `Hand the conversation over to ${name}: ${description}`;
    callables.set(`transfer_to_${name}`, { kind: "handoff", agent: name, description: told, input: nothing });
  }
  return callables;
}

const anyObject: JsonSchema = { type: "object" };
const nothing: JsonSchema = { type: "object", properties: {}, additionalProperties: false };
const aTask: JsonSchema = {
  type: "object",
  properties: {
    task: { type: "string", description: "What is to be done, with all that it takes to do it" },
  },
  required: ["task"],
};

function found(list: readonly Callable[], name: string, who: string): Callable {
  const one = list.find((callable) => callable.name === name);
  if (one !== undefined) return one;
  throw new AgentFlowError("invalid_project", `${who} ${name}, which this project does not have`, {
    reason: "unknown_callable",
    suggestions: ["af validate"],
  });
}

function modelsOf(agent: ModelAgent, { manifest, priceOf }: RulesOf): ReadonlyMap<string, ModelRule> {
  const models = new Map<string, ModelRule>();
  const open = [agent.agent.model];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (models.has(name)) continue;
    const definition = modelNamed(manifest, name, agent.name);
    const { fallbacks = [] } = definition;
    const price = definition.price ?? priceOf(definition);
    models.set(name, { fallbacks, ...(price === undefined ? {} : { price }) });
    open.push(...fallbacks);
  }
  return models;
}

export function modelNamed(manifest: Manifest, name: string, agent: string): ModelDefinition {
  const models = manifest.models ?? {};
  const definition = Object.hasOwn(models, name) ? models[name] : undefined;
  if (definition !== undefined) return definition;
  throw new AgentFlowError(
    "invalid_project",
    `agent ${agent} asks for the model ${name}, which is not under models`,
    {
      reason: "unknown_model",
      suggestions: [`add models.${name} to agentflow.yaml`],
    },
  );
}
