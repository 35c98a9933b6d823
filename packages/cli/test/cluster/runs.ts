/** Runs of the story: begun, looked at and ended. */
import type { Client } from "@agentflow/sdk/client";
import { isDeepStrictEqual } from "node:util";
import { type Story, until } from "./story.ts";

/** Which lines of the tool `lines` stand there, in the order in which they stand. */
export function numbered(text: string, of: number): readonly number[] {
  return [...text.matchAll(/msg="line (\d+) of (\d+)"/g)].flatMap(([, line, n]) =>
    Number(n) === of ? [Number(line)] : [],
  );
}

type Runs = Client["runs"];

export async function startAll(runs: Runs, workflow: string, count: number): Promise<readonly string[]> {
  const inputs = Array.from({ length: count }, (_, n) => ({ n }));
  return Promise.all(inputs.map(async (input) => (await runs.start(workflow, input)).run));
}

/** So many tasks are worked on, and so many questions are open. */
export async function inFlight(
  story: Story,
  of: { readonly working: number; readonly asking: number },
): Promise<void> {
  let seen = {};
  await until(`in flight are ${JSON.stringify(of)}`, async () => {
    seen = await story.api(async ({ workers, approvals }) => ({
      working: (await workers.list()).items.reduce((sum, { busy }) => sum + busy.length, 0),
      asking: (await approvals.list({ status: "open", limit: 100 })).approvals.length,
    }));
    return isDeepStrictEqual(seen, of);
  });
}

export async function quickRun(story: Story): Promise<string> {
  const { stdout } = await story.af(0, "run", "quick", "--context", "prod", "--input", '{"n":1}');
  return /"value": ?"(\w+)"/.exec(stdout)?.[1] ?? stdout;
}

/** Waits for the end of all. */
export async function endsOf(story: Story, all: readonly string[]) {
  return story.api(async ({ runs }) =>
    Promise.all(
      all.map(async (run) => {
        const { status } = await runs.wait(run);
        const { workflow, output, build } = await runs.get(run);
        return { run, workflow, status, output, build };
      }),
    ),
  );
}
