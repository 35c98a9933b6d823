import { AgentFlowCommand } from "../../base-command.ts";
import { type SettingView, installationSettings, readSettings } from "../../config/settings.ts";
import type { ValueView } from "../../config/target-view.ts";
import { Flags } from "../../flags.ts";
import { type Column, printTable } from "../../output/table.ts";
import { type Text, dim, green, yellow } from "../../output/text.ts";

export default class ConfigView extends AgentFlowCommand {
  static override summary = "Show the settings in force here, and where each comes from";
  static override description =
    "Of this command line, and of af dev with its control plane and worker: of the one that runs here, " +
    "else as one would start.\nThe strongest layer wins: flag, environment (AF_API__PORT is api.port), " +
    "project (settings: in agentflow.yaml), user (~/.config/agentflow/config.yaml), default.\n" +
    "With --target: agentflow.yaml with that target's overlay and defaults, as af up renders it.";
  static override flags = {
    origin: Flags.boolean({
      description: "where each value comes from, and what is taken over while running",
    }),
    set: Flags.boolean({ description: "only what is not left at its default" }),
    target: Flags.string({
      description: "instead: the project as it holds on this target, with its overlay",
      helpValue: "NAME",
    }),
  };
  static override examples = [
    "af config view",
    "af config view --origin",
    "af config view --origin --set",
    "af config view --target docker --origin",
    "af config view --json",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(ConfigView);
    const folder = this.folder(flags);
    if (flags.target !== undefined) return this.#showTarget(folder, { ...flags, target: flags.target });
    const own = readSettings({ folder, environment: process.env, argv: this.argv });
    const { settings: others, pid, notes } = await installationSettings(folder);
    const wanted = ({ layer }: SettingView): boolean => !flags.set || layer !== "default";
    const settings = [...own, ...others].filter(wanted);
    this.output.data({ settings, notes, ...(pid === undefined ? {} : { pid }) });
    if (this.output.json) return;
    printTable(this.output, columnsOf(flags.origin), settings);
    const whose =
      pid === undefined ? "as af dev would start here" : `of the af dev that runs (process ${pid})`;
    for (const note of notes) this.output.say(yellow(note));
    this.output.say(dim(`host, control-plane and worker: ${whose}`));
  }

  async #showTarget(folder: string, flags: TargetFlags): Promise<void> {
    const [{ openProjectTarget }, { targetView }, { readOne }, { targetVariables }] = await Promise.all([
      import("../../targets/open.ts"),
      import("../../config/target-view.ts"),
      import("../../project/read-project.ts"),
      import("../../local/target-variables.ts"),
    ]);
    const opening = { folder, environment: process.env, target: flags.target, scale: [] };
    const { dir, target: opened } = await openProjectTarget(opening);
    const yaml = await readOne(dir, "agentflow.yaml");
    if (yaml === undefined) return;
    const variables = await targetVariables(dir, {
      text: yaml.lines.join("\n"),
      environment: process.env,
    });
    const all = await targetView({ opened, yaml, variables });
    const values = all.filter(({ layer }) => !flags.set || layer !== "default");
    this.output.data({ target: opened.name, project: opened.project.name, file: yaml.file, values });
    if (this.output.json) return;
    printTable(this.output, targetColumns(flags.origin, yaml.file), values);
    this.output.say(
      dim(`the project ${opened.project.name} on ${opened.name}; target.… is the target's own`),
    );
  }
}

interface TargetFlags {
  readonly target: string;
  readonly origin: boolean;
  readonly set: boolean;
}

function targetColumns(origin: boolean, file: string): readonly Column<ValueView>[] {
  const always: readonly Column<ValueView>[] = [
    { title: "KEY", of: ({ key }) => key },
    { title: "VALUE", of: ({ value }) => valueText(value), flexible: true },
  ];
  if (!origin) return always;
  return [...always, { title: "FROM", of: (value) => [value.layer, dim(`  ${placeText(value, file)}`)] }];
}

function placeText({ variable, line, column }: ValueView, file: string): string {
  const place = line === undefined ? [] : [`${file}:${line}:${column ?? 1}`];
  return [...(variable === undefined ? [] : [variable]), ...place].join("  ");
}

function columnsOf(origin: boolean): readonly Column<SettingView>[] {
  const always: readonly Column<SettingView>[] = [
    { title: "KEY", of: ({ key }) => key },
    { title: "VALUE", of: ({ value }) => valueText(value), flexible: true },
    { title: "READ BY", of: ({ process }) => process },
  ];
  if (!origin) return always;
  return [
    ...always,
    { title: "RELOAD", of: ({ reload }) => (reload ? green("while running") : dim("at start")) },
    { title: "FROM", of: ({ layer, place }) => [layer, dim(`  ${place}`)] },
  ];
}

function valueText(value: unknown): Text {
  if (value === undefined) return dim("–");
  return typeof value === "string" ? value : (JSON.stringify(value) ?? dim("–"));
}
