import { AgentFlowError } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { ApiCommand } from "../../api-command.ts";
import { Args, Flags } from "../../flags.ts";
import { bold } from "../../output/text.ts";
import { ago } from "../../output/when.ts";
import { statusText } from "../../runs/outcome.ts";
import { resolveRun } from "../../runs/resolve-run.ts";

export default class RunCancel extends ApiCommand {
  static override summary = "Cancel a run: what it is doing is stopped";
  static override args = { run: Args.string({ required: true, description: "id, its beginning, or @last" }) };
  static override flags = {
    reason: Flags.string({ description: "shown in the run's history", helpValue: "TEXT" }),
  };
  static override examples = ["af run cancel @last", 'af run cancel @last --reason "wrong input"'];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RunCancel);
    const client = await this.connect(flags, { changes: true });
    const run = await resolveRun(client, args.run);
    const answer = await client.runs
      .cancel(run, flags.reason === undefined ? {} : { reason: flags.reason })
      .catch(async (error: unknown) => {
        throw await endedAlready(client, run, error);
      });
    this.output.data(answer);
    this.output.line(["run ", bold(run), " is ", statusText(answer.status)]);
  }
}

/** "It has ended" leaves open which run `@last` was, and how it ended. */
async function endedAlready(client: Client, run: string, thrown: unknown): Promise<unknown> {
  if (!AgentFlowError.is(thrown) || thrown.reason !== "run_already_ended") return thrown;
  const { workflow, status, endedAt } = await client.runs.get(run);
  const when = endedAt === undefined ? "" : ` ${ago(endedAt, Date.now())}`;
  return new AgentFlowError(
    "refused",
    `there is nothing to cancel: run ${run} of ${workflow} ${status}${when}`,
    {
      reason: thrown.reason,
      details: thrown.details,
      suggestions: [`af run get ${run}`, "af run list --status running"],
    },
  );
}
