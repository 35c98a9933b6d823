/** The engine as one cluster uses it. */
import type Docker from "dockerode";

export const clusterLabel = "dev.agentflow.test-cluster";

export interface Engine {
  readonly engine: Docker;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
  readonly gateway: string;
}

/** What is already gone is no fault. */
export async function quietly(doing: Promise<unknown>): Promise<void> {
  try {
    await doing;
  } catch {
    // It has gone, or the engine has: the sweep by label finds what is left.
  }
}
