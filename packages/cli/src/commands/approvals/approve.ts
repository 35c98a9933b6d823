import { DecideCommand, decideArgs, decideFlags } from "../../approvals/decide-command.ts";

export default class ApprovalsApprove extends DecideCommand {
  static override summary = "Approve what is asked, after showing exactly what that is";
  static override description =
    "On a terminal it shows the arguments word for word and asks. Elsewhere it needs --yes or --hash.\n" +
    "The answer holds for exactly what was shown; whoever comes late is told who decided.";
  static override args = decideArgs;
  static override flags = decideFlags;
  static override examples = [
    "af approvals approve APPROVAL --yes",
    "af approvals approve APPROVAL --yes --json",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ApprovalsApprove);
    const { yes, hash, comment } = flags;
    const mayAsk = this.mayAsk(flags);
    await this.decide(flags, { approval: args.approval, approve: true, yes, hash, comment, mayAsk });
  }
}
