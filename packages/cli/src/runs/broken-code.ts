/** Beside a run that starts: whether the code that was saved last is the code that runs. */
import type { Client } from "@agentflow/sdk/client";
import { placeOf } from "../output/findings.ts";
import { type Text, bold, dim, yellow } from "../output/text.ts";

/**
 * Undefined while all workers serve what was saved last. Who saved a fault and starts a run would look for it
 * in an answer of the code from before. Never throws: a run starts also where workers may not be listed.
 */
export async function brokenCode(client: {
  readonly workers: Pick<Client["workers"], "list">;
}): Promise<Text | undefined> {
  try {
    const { items } = await client.workers.list();
    const broken = items.find(({ alive, problem }) => alive && problem !== undefined);
    if (broken?.problem === undefined) return undefined;
    const { problem, manifest } = broken;
    const which = manifest === undefined ? "no code serves: the run waits" : "the code from before serves";
    return [yellow("! "), bold(placeOf(problem)), `  does not load: ${problem.message}`, dim(` · ${which}`)];
  } catch {
    return undefined;
  }
}
