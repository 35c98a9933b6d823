/** Which model is asked next, and what a failed try means for it. */
import type { Failure } from "@agentflow/protocol";
import { turnLimits } from "./limits.ts";
import type { TurnRules } from "./rules.ts";
import type { Loop } from "./state.ts";

/** The time alone may help. The last three are failures of our own processes on the way to the model. */
const passing: ReadonlySet<string> = new Set([
  "model_rate_limited",
  "model_unavailable",
  "model_timeout",
  "model_malformed",
  "unavailable",
  "timeout",
  "worker_lost",
]);

export function isPassing({ code }: Failure): boolean {
  return passing.has(code);
}

/** The first model that has a try left for this reply; undefined when each has had its own. */
export function nextModel(loop: Loop, rules: TurnRules): string | undefined {
  return modelOrder(loop, rules).find((model) => {
    const tries = loop.failures.filter((one) => one.model === model);
    return tries.length < turnLimits.modelTriesMax && tries.every(({ failure }) => isPassing(failure));
  });
}

/**
 * The model that answered last comes first: going back to one that was down would cost its tries each turn,
 * and what a provider remembers. Then the agent's own, and its fallbacks, depth first, none twice.
 */
function modelOrder({ answered, model }: Loop, { models }: TurnRules): readonly string[] {
  const order = new Set<string>();
  const visit = (name: string): void => {
    if (order.has(name)) return;
    order.add(name);
    for (const fallback of models.get(name)?.fallbacks ?? []) visit(fallback);
  };
  visit(model);
  return answered === undefined || !order.has(answered) ? [...order] : [...new Set([answered, ...order])];
}

/** How long a model is left alone after so many failures in a row. */
export function modelDelayMs({ details }: Failure, failures: number): number {
  const asked = details?.["retryAfterMs"];
  if (typeof asked === "number" && asked >= 0) return Math.min(asked, turnLimits.retryAfterMaxMs);
  return Math.min(turnLimits.backoffMs * 2 ** (failures - 1), turnLimits.backoffMaxMs);
}
