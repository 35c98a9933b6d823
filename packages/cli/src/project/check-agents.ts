/** AF503 to AF511, AF516: whether what agents name exists, and whether their templates can be filled in. */
import type * as expressions from "@agentflow/core/expr";
import { type AgentSpec, type Callable, type Finding, type Manifest, nearest } from "@agentflow/protocol";
import { schemaFaults } from "./schema-faults.ts";

/** The part of `core/expr` that is used here; loaded by whoever calls. */
export type Expr = Pick<typeof expressions, "compileTemplate" | "isTemplate" | "typeOf">;

interface ModelAgent extends Callable {
  readonly agent: AgentSpec;
}

export interface AgentFinding extends Finding {
  /** The agent's own file. */
  readonly file: string;
  /** Of a template: where in its text. */
  readonly offset?: number;
}

/** Agents that call agents, at most so many levels. */
const depthMax = 4;

export function checkAgents(manifest: Manifest, expr: Expr): AgentFinding[] {
  const agents = manifest.agents.filter((one): one is ModelAgent => one.agent !== undefined);
  return agents.flatMap((agent) =>
    [
      ...toolFindings(agent, manifest),
      ...agentFindings(agent, manifest),
      ...modelFindings(agent, manifest),
      ...depthFindings(agent, agents),
      ...outputFindings(agent),
      ...schemaFindings(agent),
      ...templateFindings(agent, expr),
    ].map((finding) => ({ ...finding, file: agent.file })),
  );
}

function toolFindings({ agent }: ModelAgent, { tools }: Manifest): Finding[] {
  return agent.tools.flatMap((listed, i): Finding[] => {
    const path = `/tools/${i}`;
    const tool = tools.find(({ name }) => name === listed.tool);
    if (tool === undefined)
      return [unknown("AF505", path, { kind: "tool", name: listed.tool, known: names(tools) })];
    if (tool.effect !== "irreversible" || (listed.approval ?? tool.approval) !== undefined) return [];
    const message = `${tool.name} cannot be undone, and the model may call it without anybody being asked`;
    const hint = `write {use: ${tool.name}, approval: always}`;
    return [{ code: "AF503", severity: "warning", path, message, hint }];
  });
}

function agentFindings({ agent, name: own }: ModelAgent, { agents }: Manifest): Finding[] {
  const unknowns = (["agents", "handoffs"] as const).flatMap((list) =>
    agent[list].flatMap((name, i): Finding[] => {
      const path = `/${list}/${i}`;
      const found = agents.find((one) => one.name === name);
      if (found === undefined) return [unknown("AF506", path, { kind: "agent", name, known: names(agents) })];
      if (list === "agents") return [];
      if (name === own) return [handoff(path, `${name} cannot hand off to itself`)];
      return found.agent === undefined ? [handoff(path, `${name} is a function: it cannot take over`)] : [];
    }),
  );
  return unknowns;
}

function handoff(path: string, message: string): Finding {
  return { code: "AF506", severity: "error", path, message, hint: "name an agent whose work a model does" };
}

function modelFindings({ agent }: ModelAgent, { models = {} }: Manifest): Finding[] {
  if (Object.hasOwn(models, agent.model)) return [];
  const found = unknown("AF507", "/model", { kind: "model", name: agent.model, known: Object.keys(models) });
  const example = `models: {${agent.model}: {provider: scripted, model: scripted}}`;
  if (Object.keys(models).length > 0) return [found];
  return [{ ...found, hint: `write in agentflow.yaml ${example}, or a provider of your own` }];
}

/** The chain of agents below one, when it comes back to itself or goes too deep. */
function depthFindings({ name, agent }: ModelAgent, all: readonly ModelAgent[]): Finding[] {
  const specs = new Map(all.map((one) => [one.name, one.agent]));
  const chainBelow = (below: string, chain: readonly string[]): readonly string[] | undefined => {
    const now = [...chain, below];
    if (chain.includes(below) || now.length > depthMax + 1) return now;
    for (const next of specs.get(below)?.agents ?? []) {
      const found = chainBelow(next, now);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return agent.agents.flatMap((first, i): Finding[] => {
    const chain = chainBelow(first, [name]);
    if (chain === undefined) return [];
    const shown = chain.join(" → ");
    const round = new Set(chain).size < chain.length;
    const message = round
      ? `agents call each other in a ring: ${shown}`
      : `agents call agents too deep: ${shown}`;
    const hint = round ? "hand off instead, or take one out" : `at most ${depthMax} levels`;
    return [{ code: "AF508", severity: "error", path: `/agents/${i}`, message, hint }];
  });
}

function outputFindings({ output }: ModelAgent): Finding[] {
  if (output === undefined || output["type"] === "object" || output["properties"] !== undefined) return [];
  if (output["$ref"] !== undefined || output["anyOf"] !== undefined || output["oneOf"] !== undefined)
    return [];
  const message = "the output is no object: most providers hold a model to an object and nothing else";
  const hint = "write type: object, and the value under a key of it";
  return [{ code: "AF510", severity: "error", path: "/output", message, hint }];
}

function schemaFindings({ input, output }: ModelAgent): Finding[] {
  return [
    ...(input === undefined ? [] : schemaFaults(input, "/input")),
    ...(output === undefined ? [] : schemaFaults(output, "/output")),
  ];
}

function templateFindings({ agent, input = {} }: ModelAgent, expr: Expr): (Finding & { offset?: number })[] {
  const texts = [
    ["/instructions", agent.instructions, ["input", "run"]],
    ["/prompt", agent.prompt, ["input", "run"]],
    ["/memory/session", agent.memory?.session, ["input", "run"]],
  ] as const;
  const types = { input, run: {} };
  return texts.flatMap(([path, text, seen]) => {
    if (text === undefined || !text.includes("${")) return [];
    const template = expr.compileTemplate(text);
    if (!expr.isTemplate(template))
      return template.map(({ message, offset }) => fault(path, message, offset));
    return template.expressions.flatMap(({ compiled, offset }) => {
      const stranger = compiled.refs.paths.find(({ root }) => !seen.some((name) => name === root));
      if (stranger !== undefined) {
        return [fault(path, `there is no ${stranger.root} here: only ${seen.join(" and ")}`, offset)];
      }
      const typed = expr.typeOf(compiled, types);
      return typed.ok ? [] : [fault(path, typed.problem.message, offset + (typed.problem.offset ?? 0))];
    });
  });
}

function fault(path: string, message: string, offset: number | undefined): Finding & { offset?: number } {
  const at = offset === undefined ? {} : { offset };
  return { code: "AF511", severity: "error", path, message, ...at };
}

function unknown(
  code: string,
  path: string,
  of: { readonly kind: string; readonly name: string; readonly known: readonly string[] },
): Finding {
  const near = nearest(of.name, of.known);
  const meant = near === undefined ? "" : ` (did you mean ${near}?)`;
  const message = `there is no ${of.kind} ${JSON.stringify(of.name)}${meant}`;
  const hint = `known ${of.kind}s: ${of.known.slice(0, 20).join(", ") || "none yet"}`;
  return { code, severity: "error", path, message, hint };
}

function names(callables: readonly Callable[]): string[] {
  return callables.map(({ name }) => name);
}
