/** What is looked at on an engine before an installation is carried to it. Leaves nothing behind. */
import { AgentFlowError } from "@agentflow/protocol";
import { type EngineLooking, findEngine } from "../engine/index.ts";
import { type Engine, openEngine } from "../engine/open.ts";
import { type Pace, realPace } from "../pace.ts";
import { bad, type EngineCheck, good, note } from "./check.ts";
import { sizeChecks } from "./size.ts";
import { trialChecks } from "./trial.ts";
import type { ExaminedTarget } from "./target.ts";
import { toolChecks } from "./tools.ts";

export interface ExamineOptions {
  readonly looking: EngineLooking;
  /** Absent: only whether there is an engine, and which. */
  readonly target?: ExaminedTarget;
  /** Part of the names of what is tried out: two doctors at the same time have different ones. */
  readonly id: string;
  /** Who listens on a port of this machine, as far as that can be told. */
  readonly holder?: (port: number) => string | undefined;
  readonly pace?: Pace;
}

export interface Examined {
  readonly checks: readonly EngineCheck[];
  /** Open, for further looks; whoever gets it closes it. Absent: there is none. */
  readonly engine?: Engine;
}

/** A look that fails is itself a line: one broken check hides no other. */
export async function examineEngine(options: ExamineOptions): Promise<Examined> {
  let engine: Engine;
  try {
    engine = await openEngine(await findEngine(options.looking));
  } catch (error) {
    return { checks: [notFound(error, options.target !== undefined)] };
  }
  const { target } = options;
  const checks = [engineCheck(engine, target !== undefined)];
  if (target === undefined) return { checks, engine };
  const looks: readonly (readonly [string, () => Promise<readonly EngineCheck[]>])[] = [
    ["engine", () => trialChecks(engine, { ...options, target, pace: options.pace ?? realPace })],
    ["size", () => sizeChecks(engine, target)],
    ["tools", () => toolChecks(engine, options.looking.environment)],
  ];
  const found = await Promise.all(looks.map(([name, look]) => guarded(name, look)));
  return { checks: [...checks, ...found.flat()], engine };
}

function engineCheck({ kind, version, api, platform, address }: Engine, isWanted: boolean): EngineCheck {
  const name = kind === "docker" ? "Docker" : "Podman";
  const fact = `${name} ${version}, API ${api}, ${platform}, at ${address.host} (${address.from})`;
  return isWanted ? good("engine", fact) : note("engine", fact, "all about it: af doctor --target docker");
}

/** Nobody needs an engine who has no target for one. */
function notFound(error: unknown, isWanted: boolean): EngineCheck {
  const { message, suggestions } = AgentFlowError.from(error, "looking for the engine");
  // The last one names us.
  const fix = suggestions.filter((one) => one !== "af doctor").join("; ");
  if (isWanted) return bad("engine", message, fix);
  return note("engine", `${message}; only targets of containers need one`);
}

async function guarded(
  name: string,
  look: () => Promise<readonly EngineCheck[]>,
): Promise<readonly EngineCheck[]> {
  try {
    return await look();
  } catch (error) {
    const { message, suggestions } = AgentFlowError.from(error, "looking at the engine");
    return [bad(name, message, suggestions[0])];
  }
}
