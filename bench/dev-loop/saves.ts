/** From the write of a file to a run that the new code answered. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Client } from "@agentflow/sdk/client";
import { parseOutput } from "../embedded/parse-output.ts";
import { versionTool } from "../embedded/project.ts";

const lateMs = 20_000;

/** Saves a new version of the tool and starts run after run until one says so; the milliseconds that took. */
export async function save(dir: string, client: Client, version: number): Promise<number> {
  const beganMs = performance.now();
  writeFileSync(path.join(dir, "tools/bench.ts"), versionTool(version));
  for (;;) {
    const answer = await client.runs.startAndWait("quick", {});
    if (parseOutput(answer) === version) return performance.now() - beganMs;
    if (performance.now() - beganMs > lateMs)
      throw new Error(`version ${version} did not arrive in ${lateMs} ms`);
  }
}
