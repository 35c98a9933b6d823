import { DecideCommand, decideArgs, decideFlags } from "../../approvals/decide-command.ts";

export default class ApprovalsDeny extends DecideCommand {
  static override summary = "Deny what is asked: it is not done";
  static override description =
    "On a terminal it shows the arguments word for word and asks. Elsewhere it needs --yes or --hash.\n" +
    "The answer holds for exactly what was shown; whoever comes late is told who decided.";
  static override args = decideArgs;
  static override flags = decideFlags;
  static override examples = [
    "af approvals deny APPROVAL --yes",
    "af approvals deny APPROVAL --yes --comment 'wrong address'",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ApprovalsDeny);
    const { yes, hash, comment } = flags;
    const mayAsk = this.mayAsk(flags);
    await this.decide(flags, { approval: args.approval, approve: false, yes, hash, comment, mayAsk });
  }
}
