/** From the write of a file to a run that the new code answered. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Client } from "@agentflow/sdk/client";
import { parseOutput } from "../embedded/parse-output.ts";
import { versionTool } from "../embedded/project.ts";
import { sleep } from "../lib/children.ts";

const lateMs = 20_000;

export interface SaveOptions {
  readonly dir: string;
  readonly client: Client;
  readonly version: number;
  /** Pause between two runs that ask: by so much the figure may be too long. None would be a load. */
  readonly askEveryMs: number;
}

/** Saves a new version of the tool and starts run after run until one says so; the milliseconds that took. */
export async function save({ dir, client, version, askEveryMs }: SaveOptions): Promise<number> {
  const beganMs = performance.now();
  writeFileSync(path.join(dir, "tools/bench.ts"), versionTool(version));
  for (;;) {
    const answer = await client.runs.startAndWait("quick", {});
    const tookMs = performance.now() - beganMs;
    if (parseOutput(answer) === version) return tookMs;
    if (tookMs > lateMs) throw new Error(`version ${version} did not arrive in ${lateMs} ms`);
    await sleep(askEveryMs);
  }
}
