import { AgentFlowError, type ApprovalView } from "@agentflow/protocol";
import { ApiCommand, type Finding } from "../api-command.ts";
import { Args, Flags } from "../flags.ts";
import { bold, cyan, dim } from "../output/text.ts";
import { findApproval } from "./find-approval.ts";
import { approvalLines, approvalStatus } from "./shown.ts";

export const decideArgs = {
  approval: Args.string({ required: true, description: "id, its beginning, or the run that asks" }),
};

export const decideFlags = {
  comment: Flags.string({ description: "why: kept with the answer, told to an agent", helpValue: "TEXT" }),
  yes: Flags.boolean({ char: "y", description: "do not ask" }),
  hash: Flags.string({
    description: "refuse unless exactly this is asked: the hash that `af approvals show` gave",
    helpValue: "SHA256",
  }),
};

interface Given {
  readonly approval: string;
  readonly approve: boolean;
  readonly comment?: string | undefined;
  readonly yes: boolean;
  readonly hash?: string | undefined;
  readonly mayAsk: boolean;
}

/** Shows what is asked, asks whoever sits there, and answers by the hash of exactly that. */
export abstract class DecideCommand extends ApiCommand {
  protected async decide(flags: Finding, given: Given): Promise<void> {
    if (given.hash !== undefined && !/^[0-9a-f]{64}$/.test(given.hash)) throw noHash(given.approval);
    const client = await this.connect(flags, { changes: true });
    const view = await findApproval(client, given.approval);
    for (const line of approvalLines(view, Date.now())) this.output.say(line);
    this.output.say();
    if (view.status === "open" && !(await this.#confirmed(view, given))) return this.#left(view);
    const { approve, comment } = given;
    const answer = await client.approvals.decide(view.approval, {
      hash: given.hash ?? view.hash,
      approve,
      ...(comment === undefined ? {} : { comment }),
    });
    this.output.data(answer);
    this.output.line(["approval ", bold(answer.approval), " is ", approvalStatus(answer.status)]);
    this.output.say([dim("watch its run: "), cyan(`af run watch ${answer.run}`)]);
  }

  async #confirmed(view: ApprovalView, { approve, yes, hash, mayAsk }: Given): Promise<boolean> {
    if (yes || hash !== undefined) return true;
    if (!mayAsk) {
      throw new AgentFlowError("invalid_input", "nobody can be asked here whether this is what is meant", {
        reason: "confirmation_needed",
        suggestions: [
          `look: af approvals show ${view.approval}`,
          "pass --yes, or --hash with what was shown",
        ],
      });
    }
    const { confirm } = await import("@inquirer/prompts");
    const message = approve ? `Approve exactly this?` : "Deny it?";
    return confirm({ message, default: false }, { output: process.stderr });
  }

  #left({ approval }: ApprovalView): void {
    this.output.say(["Nothing was decided: ", bold(approval), " stays open."]);
  }
}

function noHash(approval: string): AgentFlowError {
  return new AgentFlowError(
    "invalid_input",
    "--hash takes the 64 hex digits that `af approvals show` gives",
    {
      reason: "usage",
      suggestions: [`af approvals show ${approval}`],
    },
  );
}
