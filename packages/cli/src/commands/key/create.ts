import { ApiCommand } from "../../api-command.ts";
import { askApi } from "../../api-request.ts";
import { Args, Flags } from "../../flags.ts";
import { dim, yellow } from "../../output/text.ts";

export default class KeyCreate extends ApiCommand {
  static override summary = "Make an API key; its text is shown this once";
  static override description =
    "A key is of one tenant, and sees nothing of others. admin may do all that its tenant may; " +
    "operator sees the figures of the whole installation (af status, /metrics); backup may copy it, " +
    "with the data of all tenants. Only who holds these two hands them on.";
  static override args = { name: Args.string({ required: true, description: "what the key is for" }) };
  static override flags = {
    scope: Flags.option({
      char: "s",
      description: "what it may do; may be repeated",
      options: ["runs:read", "runs:write", "workflows:write", "admin", "operator", "backup"] as const,
      multiple: true,
      multipleNonGreedy: true,
      default: ["runs:read", "runs:write"],
    })(),
  };
  static override examples = [
    "af key create laptop",
    "af key create reader --scope runs:read --json",
    "af key create prometheus --scope operator",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(KeyCreate);
    const body = { name: args.name, scopes: flags.scope };
    const answer = await askApi(this.installation(flags), { method: "POST", path: "/v1/keys", body });
    this.output.data(answer);
    this.output.line(answer.key ?? "");
    this.output.say([
      dim("id "),
      answer.view?.id ?? "",
      dim("  may "),
      (answer.view?.scopes ?? []).join(", "),
    ]);
    this.output.say(yellow("Keep it now: it is not shown again. Use it as AF_TOKEN."));
  }
}
