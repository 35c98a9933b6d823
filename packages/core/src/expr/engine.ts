import { Environment } from "@marcbachmann/cel-js";
import { registerFunctions } from "./functions.ts";
import { exprLimits } from "./limits.ts";
import { Meter } from "./meter.ts";

/** The names that every expression may read; `output` in a step's `select`, `error` in its `catch`. */
export const rootNames = [
  "steps",
  "input",
  "run",
  "item",
  "event",
  "last",
  "context",
  "bb",
  "output",
  "error",
] as const;

/** An interpreter whose names are all untyped, and the meter that its functions charge. */
export interface Engine {
  readonly env: Environment;
  readonly meter: Meter;
  readonly names: ReadonlySet<string>;
}

/** The interpreter for these names beside the usual ones; made once each, at its first use. */
export function engineFor(extra: readonly string[]): Engine {
  const key = extra.toSorted().join(" ");
  const known = engines.get(key);
  if (known) return known;
  const meter = new Meter();
  const env = emptyEnvironment(meter);
  const names = new Set([...rootNames, ...extra]);
  for (const name of names) env.registerVariable(name, "dyn");
  const engine = { env, meter, names };
  if (engines.size >= enginesMax) engines.clear();
  engines.set(key, engine);
  return engine;
}

const engines = new Map<string, Engine>();
const enginesMax = 100;

/** An interpreter with every function of ours and no variable yet. */
export function emptyEnvironment(meter: Meter): Environment {
  const env = new Environment({
    unlistedVariablesAreDyn: false,
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
    limits: { maxAstNodes: exprLimits.astNodesMax, maxDepth: exprLimits.astDepthMax },
  });
  registerFunctions(env, meter);
  return env;
}
