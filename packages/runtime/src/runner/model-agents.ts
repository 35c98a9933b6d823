/** Agents whose work a model does: from their files, or from `defineAgent` without `run`, to the manifest. */
import {
  type AgentDefinition,
  type AgentSpec,
  type AgentToolDefinition,
  type Callable,
  type Effect,
  type Json,
  type JsonSchema,
  type Manifest,
  agentDefaults,
  apiVersion,
  parseDuration,
} from "@agentflow/protocol";
import { type AgentToolOption, type ModelAgent, jsonSchemaOf } from "@agentflow/sdk";
import { realpathSync } from "node:fs";
import path from "node:path";
import type { CodeFile } from "./code-files.ts";
import { LoadError } from "./load-error.ts";
import { parseAgent, parseModels } from "./parse-agent.ts";
import { invalid, readBounded, readYamlFile } from "./yaml-file.ts";

/** `agents/<name>.yaml`. Throws a `LoadError` with the line of its first fault. */
export async function agentOfYaml(file: CodeFile, projectDir: string): Promise<Callable> {
  const yaml = await readYamlFile(projectDir, file.relative);
  const definition = await parseAgent(yaml.value, ({ path: at, message }) => yaml.faultAt(at, message));
  if (definition.name !== file.stem) {
    const message = `the file says ${file.stem}, its name says ${definition.name}`;
    throw yaml.faultAt(["name"], message, `write name: ${file.stem}`);
  }
  const missing = (message: string): LoadError => yaml.faultAt(["instructions"], message);
  return described(definition, file, textOf(definition, projectDir, missing));
}

/** The default export of `agents/<name>.ts`, when it has no `run`. */
export async function agentOfCode(
  { options }: ModelAgent,
  file: CodeFile,
  projectDir: string,
): Promise<Callable> {
  const fault = (message: string): LoadError =>
    new LoadError(file.relative, invalid(message), { exported: "default" });
  if (!("instructions" in options)) throw fault("it has neither run nor instructions: write one of the two");
  const { input, output, tools, ...rest } = options;
  const schemas = {
    ...(input === undefined ? {} : { input: schemaOf("input", () => jsonSchemaOf(input, "input"), fault) }),
    ...(output === undefined
      ? {}
      : { output: schemaOf("output", () => jsonSchemaOf(output, "output"), fault) }),
  };
  const listed = tools === undefined ? {} : { tools: tools.map(writtenTool) };
  const authored = { apiVersion, kind: "Agent", name: file.stem, ...rest, ...schemas, ...listed };
  // The message names the key already.
  const definition = await parseAgent(authored, ({ message }) => fault(message));
  return described(definition, file, textOf(definition, projectDir, fault));
}

function schemaOf(
  side: string,
  make: () => JsonSchema | undefined,
  fault: (message: string) => LoadError,
): JsonSchema {
  let made: JsonSchema | undefined;
  try {
    made = make();
  } catch (error) {
    throw fault(
      `${side} is no schema that JSON Schema can say: ${error instanceof Error ? error.message : ""}`,
    );
  }
  if (made === undefined)
    throw fault(`${side} is not a schema with a JSON Schema: write ${side}: z.object({ … })`);
  return made;
}

/** `uses("tool:orders.find", find)` names the tool as steps do. */
function writtenTool(tool: AgentToolOption): Json {
  if (typeof tool === "string") return plainName(tool);
  if ("uses" in tool) return plainName(tool.uses);
  const { use, approval, expires } = tool;
  return {
    use: plainName(typeof use === "string" ? use : use.uses),
    ...(approval === undefined ? {} : { approval }),
    ...(expires === undefined ? {} : { expires }),
  };
}

function plainName(name: string): string {
  return name.startsWith("tool:") ? name.slice("tool:".length) : name;
}

/** The instructions themselves; a file of them is read now, so that what runs is what was loaded. */
function textOf(
  { instructions }: AgentDefinition,
  projectDir: string,
  fault: (message: string) => LoadError,
): string {
  if (typeof instructions === "string") return instructions;
  const { file } = instructions;
  const absolute = path.resolve(projectDir, file);
  const inside = (of: string, root: string): boolean => of.startsWith(`${root}${path.sep}`);
  if (!inside(absolute, projectDir)) throw fault(`instructions: ${file} is not below the project`);
  try {
    if (!inside(realpathSync(absolute), realpathSync(projectDir))) {
      throw fault(`instructions: ${file} leads out of the project`);
    }
    return readBounded(absolute, file);
  } catch (error) {
    if (error instanceof LoadError && error.file !== file) throw error;
    const cause = error instanceof LoadError && error.cause instanceof Error ? error.cause.message : "";
    throw fault(`instructions: ${file}: ${cause || "there is no such file"}`);
  }
}

function described(definition: AgentDefinition, file: CodeFile, instructions: string): Callable {
  const { name, description, input, output } = definition;
  return {
    name,
    description,
    // Known once all tools and agents are: see `withEffects`.
    effect: "write",
    file: file.relative,
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
    agent: specOf(definition, instructions),
  };
}

function specOf(definition: AgentDefinition, instructions: string): AgentSpec {
  const { prompt, memory, temperature, maxOutputTokens, limits = {} } = definition;
  const { turns = agentDefaults.turns, tokens, usd, time } = limits;
  return {
    model: definition.model ?? "default",
    instructions,
    ...(prompt === undefined ? {} : { prompt }),
    tools: (definition.tools ?? []).map(toolOf),
    agents: definition.agents ?? [],
    handoffs: definition.handoffs ?? [],
    limits: {
      turns,
      ...(tokens === undefined ? {} : { tokens }),
      ...(usd === undefined ? {} : { usd }),
      ...(time === undefined ? {} : { timeMs: parseDuration(time) }),
    },
    ...(memory === undefined
      ? {}
      : {
          memory: {
            session: memory.session,
            window: memory.window ?? agentDefaults.memoryWindow,
            summary: memory.summary ?? false,
          },
        }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
  };
}

function toolOf(tool: string | AgentToolDefinition): AgentSpec["tools"][number] {
  if (typeof tool === "string") return { tool };
  const { use, approval, expires } = tool;
  return {
    tool: use,
    ...(approval === undefined ? {} : { approval }),
    ...(expires === undefined ? {} : { expiresMs: parseDuration(expires) }),
  };
}

/**
 * An agent does what its tools and agents do: `read` when none of them writes, else `write`. What is not
 * known counts as a write. Irreversible calls are parked in its journal, so the step itself never is.
 */
export function withEffects(tools: readonly Callable[], agents: readonly Callable[]): Callable[] {
  const effects = new Map<string, Effect>(tools.map(({ name, effect }) => [`tool:${name}`, effect]));
  const byName = new Map(agents.map((agent) => [agent.name, agent]));
  const isQuiet = (effect: Effect | undefined): boolean => effect === "pure" || effect === "read";
  const reads = (name: string, seen: ReadonlySet<string>): boolean => {
    const found = byName.get(name);
    if (found === undefined) return false;
    const { agent: spec } = found;
    if (spec === undefined) return isQuiet(found.effect);
    if (seen.has(name)) return true;
    const above = new Set([...seen, name]);
    return (
      spec.tools.every(({ tool }) => isQuiet(effects.get(`tool:${tool}`))) &&
      [...spec.agents, ...spec.handoffs].every((other) => reads(other, above))
    );
  };
  return agents.map((agent) => {
    if (agent.agent === undefined) return agent;
    return { ...agent, effect: reads(agent.name, new Set()) ? "read" : "write" };
  });
}

/** `models` of agentflow.yaml, references still in them; undefined when there are none. */
export async function modelsOf(projectDir: string): Promise<Manifest["models"]> {
  const yaml = await readYamlFile(projectDir, "agentflow.yaml");
  const { value } = yaml;
  if (typeof value !== "object" || value === null || !("models" in value)) return undefined;
  return parseModels(value["models"], ({ path: at, message }) => yaml.faultAt(["models", ...at], message));
}
