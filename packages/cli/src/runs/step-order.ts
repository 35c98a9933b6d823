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

/** Steps of a definition as a run walks them: each one behind those it needs, else as they came. */
export function inOrderOfNeeds<S extends { readonly needs: readonly string[] }>(
  steps: readonly (readonly [string, S])[],
): (readonly [string, S])[] {
  const byName = new Map(steps.map((step) => [step[0], step]));
  const ordered = new Set<readonly [string, S]>();
  const visited = new Set<string>();
  const place = (name: string): void => {
    const step = byName.get(name);
    if (step === undefined || visited.has(name)) return;
    visited.add(name);
    for (const need of step[1].needs) place(need);
    ordered.add(step);
  };
  for (const [name] of steps) place(name);
  return [...ordered];
}
