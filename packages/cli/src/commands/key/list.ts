import { ApiCommand } from "../../api-command.ts";
import { printTable } from "../../output/table.ts";
import { cyan } from "../../output/text.ts";

export default class KeyList extends ApiCommand {
  static override summary = "List API keys, without their text";
  static override examples = ["af key list", "af key list --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(KeyList);
    const client = await this.connect(flags);
    const { items } = await client.keys.list();
    this.output.data({ items });
    if (this.output.json) return;
    if (items.length === 0) this.output.say(["No keys. Make one: ", cyan("af key create NAME")]);
    else {
      printTable(
        this.output,
        [
          { title: "ID", of: ({ id }) => id },
          { title: "NAME", of: ({ name }) => name, flexible: true },
          { title: "SCOPES", of: ({ scopes }) => scopes.join(",") },
        ],
        items,
      );
    }
  }
}
