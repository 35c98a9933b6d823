import { ApiCommand } from "../../api-command.ts";
import { Args } from "../../flags.ts";
import { pick } from "../../not-found.ts";
import { placeOf } from "../../output/findings.ts";
import { heading, printRecord, printTable } from "../../output/table.ts";
import { red } from "../../output/text.ts";
import { ago } from "../../output/when.ts";

export default class WorkerInspect extends ApiCommand {
  static override summary = "Show one worker: its code, its work, and why its code does not load";
  static override args = {
    worker: Args.string({ required: true, description: "name, or its unique beginning" }),
  };
  static override examples = ["af worker inspect w", "af worker inspect w --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(WorkerInspect);
    const client = await this.connect(flags);
    const { items } = await client.workers.list();
    const worker = pick({ kind: "worker", name: args.worker, items, nameOf: (item) => item.worker });
    this.output.data(worker);
    if (this.output.json) return;
    const now = Date.now();
    const { manifest, problem } = worker;
    const place = placeOf(problem ?? {});
    printRecord(this.output, [
      ["worker", worker.worker],
      ["state", worker.alive ? worker.state : red("gone")],
      ["seen", ago(worker.seenAt, now)],
      ["host", `${worker.host}, process ${worker.pid}`],
      ["pool", `${worker.pool}, ${worker.slots} slots`],
      ["build", worker.build],
      ["code", manifest?.code],
      ["tools", manifest?.tools.map(({ name }) => name).join(", ")],
      ["agents", manifest?.agents.map(({ name }) => name).join(", ")],
      ["problem", problem === undefined ? undefined : red(`${place} ${problem.message}`)],
      ["hint", problem?.hint],
    ]);
    if (worker.busy.length === 0) return;
    heading(this.output, "Busy with");
    printTable(
      this.output,
      [
        { title: "RUN", of: ({ run }) => run },
        { title: "STEP", of: ({ step, attempt }) => `${step}#${attempt}`, flexible: true },
        { title: "USES", of: ({ uses }) => uses, flexible: true },
        { title: "SINCE", of: ({ since }) => ago(since, now) },
      ],
      worker.busy,
    );
  }
}
