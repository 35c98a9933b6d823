/** What the agent of the simulation asks people: all of it follows from its step and attempt. */
import type { Ask, Json, Outcome, StepInstance } from "@agentflow/protocol";
import { canonicalJson } from "@agentflow/protocol";
import { createHash } from "node:crypto";
import { at } from "./tools.ts";

/** The agent's first attempts end to wait for people; what it gives in the end is what any tool gives. */
export function suspendedInstead(
  outcome: Outcome,
  { step, attempt }: { readonly step: StepInstance; readonly attempt: number },
): Outcome {
  if (outcome.kind !== "succeeded" || !("inline" in outcome.output)) return outcome;
  const asks = at(outcome.output.inline, "asks");
  if (typeof asks !== "number" || attempt > asks) return outcome;
  return { kind: "suspended", asks: asksOf(step, attempt) };
}

function asksOf(step: StepInstance, attempt: number): Ask[] {
  const [first, second] = [`${step}/${attempt}-0`, `${step}/${attempt}-1`];
  const isUnknown = attempt % 2 === 0;
  return [
    approval(first, { step, attempt }),
    approval(`${step}/${attempt}-2`, { step, attempt, other: true }),
    ...(isUnknown
      ? [{ kind: "unknown", call: second, tool: "sim.pay", reason: "lost", input: attempt } as const]
      : []),
  ];
}

function approval(call: string, input: Json): Ask {
  const shown = { uses: "tool:sim.pay", effect: "irreversible", input } as const;
  const hash = createHash("sha256").update(canonicalJson(shown)).digest("hex");
  return { kind: "approval", call, tool: "sim.pay", shown, hash, expiresMs: 5_000 };
}
