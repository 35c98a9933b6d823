import { ApiCommand } from "../../api-command.ts";
import { findApproval } from "../../approvals/find-approval.ts";
import { approvalLines } from "../../approvals/shown.ts";
import { Args } from "../../flags.ts";
import { cyan, dim } from "../../output/text.ts";

export default class ApprovalsShow extends ApiCommand {
  static override summary = "Show what a person is asked, word for word";
  static override args = {
    approval: Args.string({ required: true, description: "id, its beginning, or the run that asks" }),
  };
  static override examples = ["af approvals show APPROVAL", "af approvals show APPROVAL --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ApprovalsShow);
    const view = await findApproval(await this.connect(flags), args.approval);
    this.output.data(view);
    for (const line of approvalLines(view, Date.now())) this.output.line(line);
    if (view.status !== "open") return;
    this.output.say();
    this.output.say([dim("answer: "), cyan(`af approvals approve ${view.approval}`)]);
    this.output.say([dim("    or: "), cyan(`af approvals deny ${view.approval}`)]);
  }
}
