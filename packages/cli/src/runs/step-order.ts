import type { StepView } from "@agentflow/protocol";

/** Steps in the order in which they began; those that have not begun stand last, as they came. */
export function inOrderOfStart(steps: readonly StepView[]): StepView[] {
  return steps.toSorted((a, b) => beganMs(a) - beganMs(b) || endedMs(a) - endedMs(b));
}

function beganMs({ attempts, startedAt }: StepView): number {
  const at = attempts[0]?.dispatchedAt ?? startedAt;
  return at === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(at);
}

function endedMs({ endedAt }: StepView): number {
  return endedAt === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(endedAt);
}
