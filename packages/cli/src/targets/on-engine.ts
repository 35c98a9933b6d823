/** Work on the engine of a target, for commands that need nothing of what is installed there. */
import type { OpenedTarget } from "@agentflow/cluster";
import type { Engine } from "@agentflow/cluster/engine";
import { contextFlag } from "../context-flag.ts";
import { Flags } from "../flags.ts";
import { openProjectTarget, openTargetEngine } from "./open.ts";

export const targetFlags = {
  target: Flags.string({ description: "a target of agentflow.yaml", helpValue: "TARGET" }),
  context: contextFlag,
};

export interface TargetNamed {
  readonly folder: string;
  readonly target: string | undefined;
  readonly context: string | undefined;
}

export interface TargetOnEngine {
  /** The project's folder. */
  readonly dir: string;
  readonly target: OpenedTarget;
  readonly engine: Engine;
}

/** The engine is closed however the work ends. */
export async function onTargetEngine<T>(
  named: TargetNamed,
  work: (on: TargetOnEngine) => Promise<T>,
): Promise<T> {
  const environment = process.env;
  const { dir, target } = await openProjectTarget({ ...named, environment, scale: [] });
  const { engine } = await openTargetEngine(target, environment);
  try {
    return await work({ dir, target, engine });
  } finally {
    engine.close();
  }
}
