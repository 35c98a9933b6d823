import { AgentFlowError, type LogRecord, logLevels } from "@agentflow/protocol";
import type { TelemetryQuery } from "@agentflow/sdk/client";
import { ApiCommand } from "../api-command.ts";
import { Args, Flags } from "../flags.ts";
import { dim, yellow } from "../output/text.ts";
import { onInterrupt } from "../runs/detach.ts";
import { exitCodeOf } from "../runs/outcome.ts";
import { readSince } from "../runs/parse-since.ts";
import { resolveRun } from "../runs/resolve-run.ts";
import { logText, logfmt } from "../logs/log-line.ts";
import { followLogs, readLogs } from "../logs/read.ts";

export default class Logs extends ApiCommand {
  static override summary =
    "Logs of everything, in the order of time: runs, control plane, workers, tools, agents, bus";
  static override description =
    "Runs begin and end in it; -f goes on with what comes, also after a restart of the installation.\n" +
    "With --run and -f it ends with the run and with its exit code. With --json: one record a line.";
  static override args = { run: Args.string({ description: "the same as --run" }) };
  static override flags = {
    run: Flags.string({ description: "of this run only: id, its beginning, or @last", helpValue: "RUN" }),
    follow: Flags.boolean({ char: "f", description: "go on with what comes" }),
    since: Flags.string({ description: "10m, or a time", helpValue: "WHEN" }),
    until: Flags.string({ description: "10m, or a time", helpValue: "WHEN" }),
    tail: Flags.integer({ char: "n", description: "the newest so many", default: 200, min: 1, max: 1_000 }),
    level: Flags.option({ description: "this level and above", options: logLevels })(),
    source: Flags.string({
      description: "control-plane, worker, runner, tool, agent, bus; with commas",
      helpValue: "SOURCE",
    }),
    grep: Flags.string({ description: "messages that hold this text", helpValue: "TEXT" }),
    with: Flags.string({
      description: "also `spans`, or with --run `state`; with commas",
      helpValue: "WHAT",
    }),
    output: Flags.option({
      char: "o",
      description: "form of a line",
      options: ["short", "json", "logfmt"] as const,
    })(),
  };
  static override examples = [
    "af logs --since 10m",
    "af logs --source bus,control-plane --level warn",
    "af logs --run @last --with state,spans",
    "af logs --level warn -o logfmt",
    "af logs --json --tail 20",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Logs);
    const extras = readExtras(flags.with);
    const client = await this.connect(flags);
    const named = flags.run ?? args.run;
    const run = named === undefined ? undefined : await resolveRun(client, named);
    if (extras.has("state") && run === undefined) {
      throw new AgentFlowError("invalid_input", "--with state needs --run", {
        suggestions: ["af logs --run @last --with state"],
      });
    }
    const now = Date.now();
    const asked: TelemetryQuery = {
      ...(extras.has("spans") ? {} : { kind: "log" }),
      ...(run === undefined ? {} : { run }),
      ...(flags.level === undefined ? {} : { level: flags.level }),
      ...(flags.source === undefined ? {} : { source: flags.source }),
      ...(flags.grep === undefined ? {} : { grep: flags.grep }),
      ...(flags.since === undefined ? {} : { since: readSince(flags.since, now) }),
      ...(flags.until === undefined ? {} : { until: readSince(flags.until, now) }),
    };
    const print = this.#printer(flags.output);
    const state = extras.has("state");
    const first = await readLogs(client, { asked, tail: flags.tail, state });
    first.records.forEach(print);
    this.#sayDropped(first.dropped);
    if (!flags.follow) return;
    using interrupt = onInterrupt();
    const patient = await this.connect(flags, { patient: true });
    const answer = await followLogs(patient, {
      asked,
      state,
      place: first.place,
      signal: interrupt.signal,
      onRecord: print,
      onDropped: (count) => this.#sayDropped(count),
      onLost: () => this.output.say(yellow("… the connection was lost; trying again behind the last line")),
    });
    if (answer !== undefined) this.exitWith(exitCodeOf(answer));
  }

  #printer(form: "short" | "json" | "logfmt" | undefined): (record: LogRecord) => void {
    if (this.output.json) return ({ kind, ...record }) => this.output.record(kind, record);
    if (form === "json") return (record) => this.output.compact(record);
    if (form === "logfmt") return (record) => this.output.line(logfmt(record));
    return (record) => logText(record).forEach((line) => this.output.line(line));
  }

  #sayDropped(count: number): void {
    if (count > 0)
      this.output.say([yellow(`… ${count} records were dropped`), dim(" before they reached the log")]);
  }
}

function readExtras(text: string | undefined): ReadonlySet<string> {
  const words = (text ?? "").split(",").filter((word) => word !== "");
  const wrong = words.find((word) => word !== "spans" && word !== "state");
  if (wrong === undefined) return new Set(words);
  throw new AgentFlowError("invalid_input", `--with takes spans and state, not ${JSON.stringify(wrong)}`);
}
