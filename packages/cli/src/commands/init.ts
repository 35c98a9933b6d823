import { AgentFlowCommand } from "../base-command.ts";
import { Args, Flags } from "../flags.ts";
import { type InitPlan, planInit } from "../init/plan.ts";
import { makeProject } from "../init/make.ts";
import { askName, askTemplate } from "../init/questions.ts";
import { listTemplates } from "../init/templates.ts";
import { shellWord } from "../output/shell-word.ts";
import { printTable } from "../output/table.ts";
import { type Text, bold, cyan, dim, green, yellow } from "../output/text.ts";

export default class Init extends AgentFlowCommand {
  static override summary = "Make a project that validates, tests and runs: no key, no account, no Docker";
  static override args = {
    dir: Args.string({ ignoreStdin: true, description: "folder to make; the current one when left out" }),
  };
  static override flags = {
    template: Flags.string({
      char: "t",
      description: "which template; --list shows them",
      helpValue: "NAME",
    }),
    name: Flags.string({ description: "name of the project; the folder's when left out", helpValue: "NAME" }),
    list: Flags.boolean({ description: "list the templates" }),
    yes: Flags.boolean({ char: "y", description: "take the defaults, ask nothing" }),
    "no-install": Flags.boolean({ description: "do not run npm install" }),
    "no-git": Flags.boolean({ description: "do not make a git repository" }),
    "dry-run": Flags.boolean({ description: "only say what would be made" }),
  };
  static override examples = [
    "af init my-team",
    "af init audit --template repo-report --yes",
    "af init --list",
    "af init my-team --dry-run --json",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Init);
    if (flags.list) {
      this.#list();
      return;
    }
    const ask = this.mayAsk(flags) && !flags.yes;
    // A folder that cannot be used is said before anything is asked.
    planInit({
      folder: this.folder(flags),
      dir: args.dir,
      template: flags.template ?? "minimal",
      name: flags.name,
    });
    const template = flags.template ?? (ask ? await askTemplate() : "minimal");
    const first = planInit({ folder: this.folder(flags), dir: args.dir, template, name: flags.name });
    const name = flags.name === undefined && ask ? await askName(first.name) : first.name;
    const plan =
      name === first.name ? first : planInit({ folder: this.folder(flags), dir: args.dir, template, name });
    if (flags["dry-run"]) {
      this.output.data({
        dir: plan.dir,
        name: plan.name,
        template: plan.template,
        files: plan.files,
        dryRun: true,
      });
      this.#printTree(plan, "would be made");
      return;
    }
    const made = await makeProject(plan, {
      install: !flags["no-install"],
      git: !flags["no-git"],
      onStep: (text) => this.output.say([dim("… "), text]),
    });
    this.output.data({
      dir: plan.dir,
      name: plan.name,
      template: plan.template,
      files: plan.files,
      next: plan.next,
      ...made,
    });
    this.#printTree(plan, "made");
    for (const note of made.notes) this.output.say([yellow("! "), note]);
    this.#printNext(plan);
  }

  #list(): void {
    const templates = listTemplates();
    this.output.data({
      templates: templates.map(({ name, title, description }) => ({ name, title, description })),
    });
    if (this.output.json) return;
    printTable(
      this.output,
      [
        { title: "TEMPLATE", of: ({ name }) => name },
        { title: "WHAT", of: ({ description }) => description, flexible: true },
      ],
      templates,
    );
  }

  #printTree(plan: InitPlan, what: string): void {
    this.output.line([
      bold(plan.name),
      dim(`  ${plan.shownDir}  ${plan.files.length} files ${what} from ${plan.template}`),
    ]);
    const folders = new Map<string, string[]>();
    for (const file of plan.files) {
      const [folder = "", rest] = file.includes("/")
        ? [file.slice(0, file.indexOf("/")), file]
        : ["", undefined];
      folders.set(folder, [
        ...(folders.get(folder) ?? []),
        rest === undefined ? file : file.slice(folder.length + 1),
      ]);
    }
    const top = folders.get("") ?? [];
    folders.delete("");
    for (const [folder, files] of folders)
      this.output.line(["  ", cyan(`${folder}/`.padEnd(12)), shortened(files)]);
    this.output.line(["  ", shortened(top)]);
  }

  #printNext(plan: InitPlan): void {
    this.output.line();
    this.output.line([green("✓ "), "Next:"]);
    const [first = "", ...more] = plan.next;
    const enter = plan.shownDir === "." ? "" : `cd ${shellWord(plan.shownDir)} && `;
    for (const command of [`${enter}${first}`, ...more]) this.output.line(["  ", cyan(command)]);
  }
}

function shortened(files: readonly string[]): Text {
  const shown = files.slice(0, 5).join("  ");
  return files.length > 5 ? [shown, dim(`  and ${files.length - 5} more`)] : shown;
}
