/** The door of the broker: what a worker asks for is checked as if it were not ours, and so is its answer. */
import { AgentFlowError, sandboxBounds } from "@agentflow/protocol";
import type { Message } from "../channel/frames.ts";
import { field, isObject, isText } from "../channel/shapes.ts";
import type { SandboxApplied } from "@agentflow/protocol";
import type { SandboxExit, SandboxRequest } from "./source.ts";

export type ToBroker =
  | readonly ["open", SandboxRequest]
  | readonly ["in", base64: string]
  | readonly ["kill"];

export type FromBroker =
  | readonly ["opened", SandboxApplied]
  | readonly ["refused", { readonly message: string; readonly suggestions: readonly string[] }]
  | readonly ["out", base64: string]
  | readonly ["err", base64: string]
  | readonly ["exit", SandboxExit];

const dayMs = 86_400_000;

export function parseToBroker(message: Message): ToBroker {
  const [kind, first] = message;
  if (kind === "kill") return [kind];
  if (kind === "in" && isText(first)) return [kind, first];
  if (kind === "open" && isRequest(first)) return [kind, first];
  throw malformed(kind);
}

export function parseFromBroker(message: Message): FromBroker {
  const [kind, first] = message;
  if ((kind === "out" || kind === "err") && isText(first)) return [kind, first];
  if (!isObject(first)) throw malformed(kind);
  if (kind === "opened") return [kind, first as SandboxApplied];
  if (kind === "exit") return [kind, first as SandboxExit];
  if (kind === "refused" && isText(field(first, "message"))) {
    return [kind, first as { message: string; suggestions: string[] }];
  }
  throw malformed(kind);
}

function isRequest(value: unknown): value is SandboxRequest {
  if (!isObject(value)) return false;
  const network = field(value, "network");
  const lifeMs = field(value, "lifeMs");
  return (
    Array.isArray(network) &&
    network.every(isText) &&
    ["tool", "run", "step"].every((name) => isName(field(value, name))) &&
    typeof lifeMs === "number" &&
    lifeMs > 0 &&
    lifeMs <= dayMs &&
    Object.entries(sandboxBounds).every(([name, { min, max }]) => {
      const limit = field(value, name);
      return typeof limit === "number" && limit >= min && limit <= max;
    })
  );
}

function isName(value: unknown): boolean {
  return isText(value) && /^[A-Za-z0-9][A-Za-z0-9_.~-]{0,199}$/.test(value);
}

function malformed(kind: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `a malformed message ${JSON.stringify(kind).slice(0, 40)}`, {
    reason: "bad_frame",
  });
}
