import { AgentFlowError, exitCodes, parseDuration } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { ApiCommand } from "../../api-command.ts";
import { Args, Flags } from "../../flags.ts";
import { bold, cyan, dim } from "../../output/text.ts";
import { brokenCode } from "../../runs/broken-code.ts";
import { onInterrupt, sayDetached } from "../../runs/detach.ts";
import { explainedStart } from "../../runs/explained-start.ts";
import { exitCodeOf } from "../../runs/outcome.ts";
import { readInput, readLabels, readStdin } from "../../runs/parse-input.ts";
import { showProgress } from "../../runs/progress.ts";
import { onLiveOf, streamFlag } from "../../runs/streaming.ts";
import { printAnswer } from "../../runs/summary.ts";
import { watchRun } from "../../runs/watch.ts";

export default class Run extends ApiCommand {
  static override summary = "Start a run of a workflow and watch it to its end";
  static override description =
    "The result goes to stdout, what happens on the way to stderr. Ctrl-C leaves the run: it goes on.\n" +
    "With --stream --json: a line for each event, piece of text, call and record of a journal.";
  static override strict = false;
  static override args = {
    workflow: Args.string({ required: true, description: "the workflow to run" }),
    // Standard input is the input where `--input -` says so, and never a word.
    "key=value": Args.string({ ignoreStdin: true, description: "of its input: key=text or key:=json" }),
  };
  static override flags = {
    input: Flags.string({
      char: "i",
      description: "@file, - (standard input), JSON, key=text or key:=json; may be repeated",
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "INPUT",
    }),
    detach: Flags.boolean({
      char: "d",
      description: "print the run's id and do not wait",
      exclusive: ["wait"],
    }),
    wait: Flags.string({
      description: "wait at most so long, then exit 7; the run goes on",
      helpValue: "30s",
    }),
    timeout: Flags.string({ description: "the run itself ends as failed after so long", helpValue: "5m" }),
    key: Flags.string({
      description: "request key: the same key starts one run, however often",
      helpValue: "KEY",
    }),
    label: Flags.string({
      char: "l",
      description: "label of the run",
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "KEY=VALUE",
    }),
    stream: streamFlag,
    version: Flags.string({
      description: "a version of the workflow; the newest when left out",
      helpValue: "HASH",
    }),
  };
  static override examples = [
    "af run hello",
    "af run hello name=Ada",
    "af run hello --input @ada.json --json",
    "af run hello --detach --label team=docs",
    "af run hello --key order-17 --wait 30s",
    "af run hello --stream --json",
  ];

  async run(): Promise<void> {
    const { args, argv, flags } = await this.parse(Run);
    const waitMs = flags.wait === undefined ? undefined : parseDuration(flags.wait);
    const timeoutMs = flags.timeout === undefined ? undefined : parseDuration(flags.timeout);
    const words = [...(flags.input ?? []), ...argv.slice(1).map(String)];
    const input = await readInput(words, { folder: this.folder(flags), readStdin });
    const labels = readLabels(flags.label ?? []);
    const startedMs = Date.now();
    const client = await this.connect(flags, { changes: true });
    const run = await this.#start(client, args.workflow, {
      input,
      options: {
        ...(labels === undefined ? {} : { labels }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(flags.key === undefined ? {} : { key: flags.key }),
        ...(flags.version === undefined ? {} : { version: flags.version }),
      },
    });
    if (flags.detach) this.#printDetached(run, args.workflow);
    else {
      const { stream } = flags;
      await this.#watch(await this.connect(flags, { patient: true }), { run, startedMs, waitMs, stream });
    }
  }

  async #start(
    client: Client,
    workflow: string,
    of: { input: unknown; options: NonNullable<Parameters<Client["runs"]["start"]>[2]> },
  ): Promise<string> {
    // Asked for beside the start: it costs the run no time.
    const broken = this.output.json ? undefined : brokenCode(client);
    try {
      const answer = await client.runs.start(workflow, of.input ?? {}, of.options);
      const repeated = answer.repeated === true ? " was started before" : "";
      this.output.say([dim("run "), bold(answer.run), dim(`  ${workflow}${repeated}`)]);
      const warning = await broken;
      if (warning !== undefined) this.output.say(warning);
      return answer.run;
    } catch (error) {
      throw await explainedStart(client, { workflow, key: of.options.key }, error);
    }
  }

  #printDetached(run: string, workflow: string): void {
    this.output.data({ run, workflow, status: "running" });
    this.output.line(run);
    this.output.say([dim("watch it: "), cyan(`af run watch ${run}`)]);
  }

  async #watch(
    client: Client,
    of: { run: string; startedMs: number; waitMs: number | undefined; stream: boolean | undefined },
  ): Promise<void> {
    using interrupt = onInterrupt();
    const progress = showProgress(this.output);
    const watched = await watchRun({
      client,
      run: of.run,
      onEvent: (event) => {
        progress.event(event);
        if (of.stream === true) this.output.record("event", event);
      },
      onWait: (reason) => progress.waits(reason),
      signal: interrupt.signal,
      ...onLiveOf(of.stream, { output: this.output, progress }),
      ...(of.waitMs === undefined ? {} : { waitMs: of.waitMs }),
    }).finally(() => progress.end());
    if (watched.kind === "ended") {
      printAnswer(this.output, watched.answer, {
        ms: Date.now() - of.startedMs,
        told: progress.failure(),
      });
      this.exitWith(exitCodeOf(watched.answer));
    } else if (watched.kind === "left") {
      sayDetached(this.output, of.run);
      this.output.data({ run: of.run, status: "running" });
      this.exitWith(exitCodes.interrupted);
    } else {
      throw new AgentFlowError("timeout", `run ${of.run} has not ended in time; it goes on`, {
        reason: "still_running",
        details: { run: of.run },
        suggestions: [`af run watch ${of.run}`, `af why ${of.run}`],
      });
    }
  }
}
