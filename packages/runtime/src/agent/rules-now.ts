/** The rules of a loop at each moment: by the newest code, within what the step's other loops leave. */
import type { TurnRules } from "@agentflow/core/turn";
import { type Manifest, instant } from "@agentflow/protocol";
import type { LoopOptions } from "./loop-types.ts";
import { modelAgent, noAgent, rulesOf } from "./rules.ts";

/** An agent that new code does not have any more goes on by the rules that it had. */
export function createRules(options: LoopOptions): (agent: string) => TurnRules {
  const { drive, step, account } = options;
  const { house, task } = drive;
  const known = new Map<string, { readonly of: Manifest | undefined; readonly rules: StaticRules }>();
  const staticRules = (name: string): StaticRules => {
    const manifest = house.manifest();
    const before = known.get(name);
    if (before !== undefined && (manifest === undefined || before.of === manifest)) return before.rules;
    const agent = manifest === undefined ? undefined : modelAgent(manifest, name);
    if (manifest === undefined || agent === undefined) {
      if (before === undefined) throw noAgent(name);
      return before.rules;
    }
    const rules = rulesOf({ manifest, run: task.run, step, agent, priceOf: house.priceOf });
    known.set(name, { of: manifest, rules });
    return rules;
  };
  return (name) => {
    const budget = account.budget();
    const deadline = instant(drive.deadlineMs);
    return { ...staticRules(name), deadline, ...(budget === undefined ? {} : { budget }) };
  };
}

type StaticRules = ReturnType<typeof rulesOf>;
