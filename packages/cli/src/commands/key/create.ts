import { scopes } from "@agentflow/protocol";
import { ApiCommand } from "../../api-command.ts";
import { Args, Flags } from "../../flags.ts";
import { dim, yellow } from "../../output/text.ts";

export default class KeyCreate extends ApiCommand {
  static override summary = "Make an API key; its text is shown this once";
  static override description =
    "A key is of one tenant, and sees nothing of others. approvals answers what people are asked: who " +
    "starts runs need not be who says yes. admin may do all that its tenant may; operator sees the " +
    "figures of the whole installation (af status, /metrics) and may archive; tenants makes keys of other " +
    "tenants; backup may copy it all, with the data of every tenant. Only who holds these three hands them " +
    "on.";
  static override args = { name: Args.string({ required: true, description: "what the key is for" }) };
  static override flags = {
    scope: Flags.option({
      char: "s",
      description: "what it may do; may be repeated",
      options: scopes,
      multiple: true,
      multipleNonGreedy: true,
      default: ["runs:read", "runs:write"],
    })(),
    tenant: Flags.string({
      description: "whose key it is; another tenant than one's own needs the scope tenants",
      helpValue: "TENANT",
    }),
  };
  static override examples = [
    "af key create laptop",
    "af key create reader --scope runs:read --json",
    "af key create lin --scope runs:read --scope approvals",
    "af key create prometheus --scope operator",
    "af key create acme-admin --tenant acme --scope admin",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(KeyCreate);
    const { tenant } = flags;
    const body = { name: args.name, scopes: flags.scope, ...(tenant === undefined ? {} : { tenant }) };
    const client = await this.connect(flags, { changes: true });
    const answer = await client.keys.create(body);
    this.output.data(answer);
    this.output.line(answer.key);
    this.output.say([dim("id "), answer.view.id, dim("  may "), answer.view.scopes.join(", ")]);
    this.output.say(yellow("Keep it now: it is not shown again. Use it as AF_TOKEN."));
  }
}
