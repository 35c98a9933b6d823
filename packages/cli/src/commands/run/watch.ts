import { exitCodes } from "@agentflow/protocol";
import { ApiCommand } from "../../api-command.ts";
import { Args } from "../../flags.ts";
import { onInterrupt, sayDetached } from "../../runs/detach.ts";
import { exitCodeOf } from "../../runs/outcome.ts";
import { showProgress } from "../../runs/progress.ts";
import { resolveRun } from "../../runs/resolve-run.ts";
import { onLiveOf, streamFlag } from "../../runs/streaming.ts";
import { printAnswer } from "../../runs/summary.ts";
import { watchRun } from "../../runs/watch.ts";

export default class RunWatch extends ApiCommand {
  static override summary = "Watch a run from its first event to its end";
  static override description =
    "Ends with the run's own exit code. With --json: one event a line, the last of kind `end`;\n" +
    "with --stream too also pieces of text, calls, progress and records of journals.";
  static override args = { run: Args.string({ required: true, description: "id, its beginning, or @last" }) };
  static override flags = { stream: streamFlag };
  static override examples = ["af run watch @last", "af run watch @last --json"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RunWatch);
    const run = await resolveRun(await this.connect(flags), args.run);
    const client = await this.connect(flags, { patient: true });
    const view = await client.runs.get(run);
    using interrupt = onInterrupt();
    const progress = showProgress(this.output);
    const watched = await watchRun({
      client,
      run,
      onWait: (reason) => progress.waits(reason),
      signal: interrupt.signal,
      ...onLiveOf(flags.stream, { output: this.output, progress }),
      onEvent: (event) => {
        progress.event(event);
        this.output.record("event", event);
      },
    }).finally(() => progress.end());
    if (watched.kind !== "ended") {
      sayDetached(this.output, run);
      this.exitWith(exitCodes.interrupted);
      return;
    }
    const ended = await client.runs.get(run);
    const ms = Date.parse(ended.endedAt ?? new Date().toISOString()) - Date.parse(view.startedAt);
    if (this.output.json) this.output.record("end", { ...watched.answer });
    else printAnswer(this.output, watched.answer, { ms, told: progress.failure() });
    this.exitWith(exitCodeOf(watched.answer));
  }
}
