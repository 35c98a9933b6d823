import { ApiCommand } from "../../api-command.ts";
import { printTable } from "../../output/table.ts";
import { cyan, green, red, yellow } from "../../output/text.ts";
import { ago } from "../../output/when.ts";

export default class WorkerList extends ApiCommand {
  static override summary = "List workers and what they are doing";
  static override examples = ["af worker list", "af worker list --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(WorkerList);
    const client = await this.connect(flags);
    const { items } = await client.workers.list();
    this.output.data({ items });
    if (this.output.json) return;
    if (items.length === 0) {
      this.output.say(["No workers: nothing can run. ", cyan("af dev"), " starts one here"]);
      return;
    }
    const now = Date.now();
    printTable(
      this.output,
      [
        { title: "WORKER", of: ({ worker }) => worker, flexible: true },
        { title: "POOL", of: ({ pool }) => pool },
        {
          title: "STATE",
          of: ({ alive, state }) => (!alive ? red("gone") : state === "ready" ? green(state) : yellow(state)),
        },
        { title: "BUSY", of: ({ busy, slots }) => `${busy.length}/${slots}`, side: "right" },
        { title: "BUILD", of: ({ build }) => build },
        { title: "CODE", of: ({ manifest }) => manifest?.code ?? "–" },
        { title: "SEEN", of: ({ seenAt }) => ago(seenAt, now) },
      ],
      items,
    );
  }
}
