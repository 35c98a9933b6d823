/** Which run a person means: its id, the unique beginning of it, or `@last`. */
import { AgentFlowError, type RunSummary, isId } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";

const pagesMax = 4;
const pageSize = 500;
const shortestPrefix = 2;

/** The whole id. A full id is taken at its word: whether it exists is for the next request to say. */
export async function resolveRun(client: Client, text: string): Promise<string> {
  if (isId("run", text)) return text;
  if (text === "@last") return lastRun(client);
  if (!/^r[0-9a-z]*$/.test(text) || text.length < shortestPrefix) {
    throw new AgentFlowError("invalid_input", `${JSON.stringify(text)} is not a run id`, {
      reason: "invalid_id",
      suggestions: ["give an id, the beginning of one, or @last", "af run list"],
    });
  }
  const matches = await matching(client, text);
  const [only, ...others] = matches;
  if (only === undefined) {
    throw new AgentFlowError("not_found", `no run begins with ${text}`, {
      reason: "no_such_run",
      details: { where: `the newest ${pagesMax * pageSize} runs` },
      suggestions: ["af run list"],
    });
  }
  if (others.length > 0) throw ambiguous(text, matches);
  return only.run;
}

async function lastRun(client: Client): Promise<string> {
  const [newest] = (await client.runs.list({ limit: 1 })).runs;
  if (newest !== undefined) return newest.run;
  throw new AgentFlowError("not_found", "there is no run yet", {
    reason: "no_runs",
    suggestions: ["af run WORKFLOW"],
  });
}

async function matching(client: Client, prefix: string): Promise<RunSummary[]> {
  const found: RunSummary[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < pagesMax; page++) {
    const answer = await client.runs.list({ limit: pageSize, ...(cursor === undefined ? {} : { cursor }) });
    found.push(...answer.runs.filter(({ run }) => run.startsWith(prefix)));
    cursor = answer.cursor;
    if (cursor === undefined) break;
  }
  return found;
}

function ambiguous(prefix: string, matches: readonly RunSummary[]): AgentFlowError {
  return new AgentFlowError("invalid_input", `${matches.length} runs begin with ${prefix}`, {
    reason: "ambiguous_id",
    details: { runs: matches.slice(0, 10).map(({ run }) => run) },
    suggestions: matches.slice(0, 3).map(({ run, workflow }) => `${run}  (${workflow})`),
  });
}
