/** What a tool or agent must say of itself, looked at when it is loaded: code without types says anything. */
import { AgentFlowError, effects, isId } from "@agentflow/protocol";
import { sandboxFault } from "./check-sandbox.ts";
import type { Agent, Tool } from "@agentflow/sdk";

type Options = { readonly [Key in keyof (Tool["options"] & Agent["options"])]?: unknown };

/**
 * Refuses options that would only hurt later. An effect that is none of ours would let a call be repeated
 * after a crash that must not be.
 */
export function checkCallable(what: string, options: Options): void {
  const fault = faultOf(options);
  if (fault === undefined) return;
  throw new AgentFlowError("invalid_project", `${what}: ${fault.message}`, { suggestions: [fault.hint] });
}

function faultOf(options: Options): { readonly message: string; readonly hint: string } | undefined {
  const { description, effect, run, secrets, approval, untrusted, sandbox } = options;
  if (!effects.some((one) => one === effect)) {
    const given =
      effect === undefined ? "effect is missing" : `effect ${JSON.stringify(effect)} is not known`;
    return { message: given, hint: `write one of ${effects.map((one) => `"${one}"`).join(", ")}` };
  }
  if (typeof description !== "string" || description.trim() === "") {
    return { message: "description is missing", hint: 'say what it does: description: "Find an order"' };
  }
  for (const side of ["input", "output"] as const) {
    if (isSchema(options[side])) continue;
    return { message: `${side} is not a schema`, hint: `write ${side}: z.object({ … }), or z.any()` };
  }
  if (secrets !== undefined && !isNames(secrets)) {
    return { message: "secrets is not a list of names of secrets", hint: 'write secrets: ["mail-key"]' };
  }
  if (approval !== undefined && approval !== "always") {
    return { message: `approval ${JSON.stringify(approval)} is not known`, hint: 'write approval: "always"' };
  }
  if (untrusted !== undefined && untrusted !== true) {
    return { message: `untrusted ${JSON.stringify(untrusted)} is not known`, hint: "write untrusted: true" };
  }
  const fault = sandbox === undefined ? undefined : sandboxFault(sandbox);
  if (fault !== undefined) return fault;
  if (typeof run === "function") return undefined;
  return { message: "run is not a function", hint: "write async run(input, context) { … }" };
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => isId("secret", name));
}

/** By the mark of Standard Schema; some libraries' schemas are functions. */
function isSchema(value: unknown): boolean {
  return (typeof value === "object" || typeof value === "function") && value !== null && "~standard" in value;
}
