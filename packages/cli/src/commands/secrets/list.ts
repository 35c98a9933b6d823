import { AgentFlowCommand } from "../../base-command.ts";
import { needProject } from "../../config/installation.ts";
import type { SecretView } from "../../local/secrets.ts";
import { printTable } from "../../output/table.ts";
import { type Text, cyan, dim, red, yellow } from "../../output/text.ts";
import { ago } from "../../output/when.ts";
import { secretUses } from "../../secrets/uses.ts";

export default class SecretsList extends AgentFlowCommand {
  static override summary =
    "List this project's secrets: where each comes from and what uses it, never a value";
  static override examples = ["af secrets list", "af secrets list --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(SecretsList);
    const dir = needProject(this.folder(flags));
    const { uses, problem } = await secretUses(dir);
    const { listSecretsHere } = await import("../../local/secrets.ts");
    const { secrets, faults } = await listSecretsHere(dir, uses);
    this.output.data({ items: secrets, faults, ...(problem === undefined ? {} : { problem }) });
    if (this.output.json) return;
    if (secrets.length === 0) this.output.say(["No secrets. Set one: ", cyan("af secrets set NAME")]);
    else printTable(this.output, columnsAt(Date.now()), secrets);
    const missing = secrets.find(({ from }) => from === null);
    if (missing !== undefined) this.output.say(["Set it: ", cyan(`af secrets set ${missing.name}`)]);
    for (const fault of faults) this.output.say(yellow(fault));
    if (problem !== undefined)
      this.output.say(dim(`The code does not load, so what tools use is not known: ${problem}`));
  }
}

function columnsAt(nowMs: number) {
  return [
    { title: "NAME", of: ({ name }: SecretView): Text => name },
    { title: "FROM", of: ({ from }: SecretView): Text => placeText(from) },
    { title: "SET", of: ({ setAt }: SecretView): Text => ago(setAt, nowMs) },
    {
      title: "USED BY",
      of: ({ usedBy }: SecretView): Text => (usedBy.length === 0 ? dim("–") : usedBy.join(", ")),
      flexible: true,
    },
  ];
}

function placeText(from: SecretView["from"]): Text {
  if (from === null) return red("not set");
  if (from === "file") return ".agentflow/secrets.json";
  return from === "folder" ? "AF_SECRETS_DIR" : from;
}
