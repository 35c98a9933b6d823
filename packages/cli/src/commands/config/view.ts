import { AgentFlowCommand } from "../../base-command.ts";
import { readSettings } from "../../config/settings.ts";
import { Flags } from "../../flags.ts";
import { printTable } from "../../output/table.ts";
import { dim } from "../../output/text.ts";

export default class ConfigView extends AgentFlowCommand {
  static override summary = "Show the settings in force here, and where each comes from";
  static override flags = { origin: Flags.boolean({ description: "where each value comes from" }) };
  static override examples = ["af config view", "af config view --origin", "af config view --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(ConfigView);
    const settings = readSettings({ folder: this.folder(flags), environment: process.env, argv: this.argv });
    this.output.data({ settings });
    if (this.output.json) return;
    printTable(
      this.output,
      [
        { title: "KEY", of: ({ key }) => key },
        { title: "VALUE", of: ({ value }) => value ?? dim("–"), flexible: true },
        ...(flags.origin
          ? [
              {
                title: "FROM",
                of: (setting: { readonly layer: string; readonly place: string }) => [
                  setting.layer,
                  dim(`  ${setting.place}`),
                ],
              },
            ]
          : []),
      ],
      settings,
    );
  }
}
