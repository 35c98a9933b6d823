/** Random workflows: what a user could write, weighted towards what is hard to get right. */
import type { SeededRandom } from "@agentflow/host/virtual";
import type { Join } from "@agentflow/protocol";
import type { StepKind, StepSpec, WorkflowSpec } from "./spec.ts";

export interface Taste {
  readonly stepsMax: number;
  /** Out of 100 tool steps, so many are irreversible. */
  readonly irreversible: number;
  /** Every task takes its time. */
  readonly slow: boolean;
}

export function generateWorkflow(name: string, dice: SeededRandom, taste: Taste): WorkflowSpec {
  const count = 1 + dice.int(taste.stepsMax);
  const steps: StepSpec[] = [];
  for (let n = 0; n < count; n++) {
    const step = generateStep(
      `s${n}`,
      steps.filter(({ handlerOf }) => handlerOf === undefined),
      dice,
      taste,
    );
    steps.push(step);
    const handler = step.caught?.handler;
    if (handler !== undefined)
      steps.push(plainStep({ id: handler, kind: "set", by: step.caught?.value ?? 0, handlerOf: step.id }));
  }
  const own = steps.filter(({ handlerOf }) => handlerOf === undefined);
  const sinks = own.filter(({ id }) => !own.some(({ from }) => from.includes(id))).map(({ id }) => id);
  const timeout = chance(dice, 6) ? { timeoutMs: 2_000 + dice.int(20_000) } : {};
  return { name, steps, sinks, ...timeout };
}

function generateStep(id: string, before: readonly StepSpec[], dice: SeededRandom, taste: Taste): StepSpec {
  const kind = kindOf(dice, taste);
  const from = some(before, dice, kind === "wait" ? 0 : 3);
  const rest = before.filter((step) => !from.includes(step.id));
  const after = chance(dice, 25) || kind === "wait" ? some(rest, dice, 2) : [];
  const isTask = kind === "add" || kind === "pay" || kind === "big" || kind === "each";
  const fails = isTask && chance(dice, 20) ? 1 + dice.int(3) : 0;
  const hangs = isTask && fails === 0 && chance(dice, 8) ? 1 : 0;
  const caught =
    isTask && chance(dice, 25)
      ? {
          value: 1_000 + dice.int(1_000),
          ...(chance(dice, 30) && kind !== "each" ? { handler: `${id}_rescue` } : {}),
        }
      : undefined;
  return plainStep({
    id,
    kind,
    by: dice.int(100),
    from,
    after,
    join: joinOf(dice, from.length + after.length),
    wanted: !chance(dice, 7),
    takesMs: kind === "wait" ? 1 + dice.int(4_000) : duration(dice) + (taste.slow ? 200 + dice.int(600) : 0),
    fails,
    hangs,
    deaf: chance(dice, 30),
    attemptsMax: fails + hangs === 0 ? (chance(dice, 30) ? 3 : 1) : attempts(dice, fails + hangs),
    backoffMs: 10 + dice.int(500),
    ...(hangs > 0 ? { timeoutMs: 500 + dice.int(1_500) } : {}),
    ...(caught === undefined ? {} : { caught }),
    maxParallel: 1 + dice.int(4),
  });
}

function plainStep(of: Partial<StepSpec> & Pick<StepSpec, "id" | "kind" | "by">): StepSpec {
  return {
    from: [],
    after: [],
    join: "all",
    wanted: true,
    takesMs: 1,
    fails: 0,
    hangs: 0,
    deaf: false,
    attemptsMax: 1,
    backoffMs: 10,
    maxParallel: 1,
    ...of,
  };
}

function kindOf(dice: SeededRandom, taste: Taste): StepKind {
  if (chance(dice, taste.irreversible)) return "pay";
  const kinds: StepKind[] = ["add", "add", "add", "add", "add", "add", "set", "wait", "emit", "each"];
  if (chance(dice, 3)) return "big";
  return dice.pick(kinds) ?? "add";
}

/** Mostly enough attempts for what fails, sometimes one too few. */
function attempts(dice: SeededRandom, needed: number): number {
  return chance(dice, 80) ? needed + 1 + dice.int(2) : Math.max(1, needed);
}

/** Mostly short; now and then longer than a lease. */
function duration(dice: SeededRandom): number {
  if (chance(dice, 5)) return 3_000 + dice.int(4_000);
  return chance(dice, 30) ? dice.int(800) : dice.int(60);
}

function joinOf(dice: SeededRandom, needs: number): Join {
  if (needs < 2 || chance(dice, 70)) return "all";
  const joins: Join[] = ["any", "settled", `n:${1 + dice.int(needs)}`];
  return dice.pick(joins) ?? "all";
}

function some(steps: readonly StepSpec[], dice: SeededRandom, max: number): string[] {
  const ids = steps.map(({ id }) => id);
  const picked: string[] = [];
  // The newest one most of the time: chains are what users write.
  for (let n = 0; n < max && ids.length > 0; n++) {
    if (n > 0 && chance(dice, 50)) break;
    const index = chance(dice, 60) ? ids.length - 1 : dice.int(ids.length);
    picked.push(...ids.splice(index, 1));
  }
  return picked;
}

export function chance(dice: SeededRandom, percent: number): boolean {
  return dice.number() * 100 < percent;
}
