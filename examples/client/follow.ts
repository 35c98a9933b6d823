import { readFileSync } from "node:fs";
import path from "node:path";
import { createClient } from "@agentflow/sdk/client";

/** Starts a run, follows it event by event, gives its output. `dir` is a project in which `af dev` runs. */
export async function startAndFollow(dir: string, workflow: string, input: unknown): Promise<unknown> {
  const dev: { url: string } = JSON.parse(readFileSync(path.join(dir, ".agentflow/dev.json"), "utf8"));
  const token = readFileSync(path.join(dir, ".agentflow/token"), "utf8").trim();
  const af = createClient({ url: dev.url, token });
  try {
    // The run's id is made here, once: retries of this start can only ever find the same run.
    const { run } = await af.runs.start(workflow, input);
    for await (const { event } of af.runs.follow(run)) console.log(event.at, event.kind);
    const { output } = await af.runs.wait(run);
    return output;
  } finally {
    af.close();
  }
}
