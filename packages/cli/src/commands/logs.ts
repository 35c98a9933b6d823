import { AgentFlowError, isId, logLevels } from "@agentflow/protocol";
import type { Client, TelemetryQuery } from "@agentflow/sdk/client";
import type { ContainerTimes } from "@agentflow/cluster";
import { ApiCommand, type Finding } from "../api-command.ts";
import type { Context } from "../config/contexts.ts";
import { Args, Flags } from "../flags.ts";
import type { Conditions } from "../logs/conditions.ts";
import { type ContainerFollowing, followContainers } from "../logs/container-follow.ts";
import { type ContainerPage, notStored, readContainers } from "../logs/container-read.ts";
import { containersOf, type ContainerPlace } from "../logs/containers.ts";
import { followLogs, type LogFollowing } from "../logs/follow.ts";
import { someAnswers } from "../logs/liveness.ts";
import { keepMemorySmall } from "../logs/memory.ts";
import { printer } from "../logs/printer.ts";
import { inOrder, type LogPage, type LogPlace, readLogs } from "../logs/read.ts";
import type { Extras } from "../logs/run-lines.ts";
import { Seen } from "../logs/seen.ts";
import { dim, yellow } from "../output/text.ts";
import { onInterrupt } from "../runs/detach.ts";
import { exitCodeOf } from "../runs/outcome.ts";
import { readSince } from "../runs/parse-since.ts";
import { resolveRun } from "../runs/resolve-run.ts";

const extraNames = ["spans", "bus", "state"] as const;

export default class Logs extends ApiCommand {
  static override summary =
    "Logs of everything, in one order: runs, control planes, workers, tools, agents, bus, containers";
  static override description =
    "What one process said stays in its order, causes go before their effects, the rest by time. -f goes\n" +
    "on with what comes, also after a restart: each line once. Lost lines are told where they lack.\n" +
    "With --run and -f it ends with the run and with its exit code. With --json: one record a line.";
  static override args = { run: Args.string({ ignoreStdin: true, description: "the same as --run" }) };
  static override flags = {
    run: Flags.string({ description: "of this run only: id, its beginning, or @last", helpValue: "RUN" }),
    follow: Flags.boolean({ char: "f", description: "go on with what comes" }),
    since: Flags.string({ description: "10m, or a time", helpValue: "WHEN" }),
    until: Flags.string({ description: "10m, or a time", helpValue: "WHEN" }),
    tail: Flags.integer({
      char: "n",
      description: "the newest so many, at most 1000",
      default: 200,
      min: 0,
      max: 1_000,
    }),
    level: Flags.option({ description: "this level and above", options: logLevels })(),
    source: Flags.string({
      description: "control-plane, worker, runner, tool, agent, bus, container; with commas",
      helpValue: "SOURCE",
    }),
    agent: Flags.string({ description: "what this agent said", helpValue: "NAME" }),
    tool: Flags.string({ description: "what this tool said", helpValue: "NAME" }),
    grep: Flags.string({
      description: "messages that match this regular expression; capitals count only where it has some",
      helpValue: "REGEX",
    }),
    exclude: Flags.string({ description: "no messages that match this one", helpValue: "REGEX" }),
    with: Flags.string({
      description: "also `spans`, `bus` (tasks on their way), `state` (every event of a run); with commas",
      helpValue: "WHAT",
    }),
    previous: Flags.boolean({
      description: "of the processes before those of now; with --run: of the run before it",
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
    'af logs --tool fetch-page --grep "timeout after [0-9]+" --exclude retry',
    "af logs --previous --source worker",
    "af logs --level warn -o logfmt",
    "af logs --json --tail 20",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Logs);
    if (flags.follow) keepMemorySmall();
    const { spans, ...extras } = readExtras(flags.with);
    const named = flags.run ?? args.run;
    if (flags.previous && flags.follow && named === undefined) throw endsThere();
    const { match, exclude } = await patternsOf(flags);
    if ((extras.state || extras.bus) && named === undefined && !flags.follow) throw needsRun(extras);
    const now = Date.now();
    const conditionsOf = (run: string | undefined): Conditions => {
      const asked: TelemetryQuery = {
        ...(spans ? {} : { kind: "log" }),
        ...(run === undefined ? {} : { run }),
        ...given({ level: flags.level, source: flags.source, agent: flags.agent, tool: flags.tool }),
        ...given({ match: flags.grep, exclude: flags.exclude }),
        ...(flags.previous && run === undefined ? { previous: true } : {}),
        ...(flags.since === undefined ? {} : { since: readSince(flags.since, now) }),
        ...(flags.until === undefined ? {} : { until: readSince(flags.until, now) }),
      };
      return { asked, ...given({ match, exclude }) };
    };
    const print = printer(this.output, flags.output);
    const containers = await this.#containers(flags);
    const { page, conditions, behind, unsent } = await this.#first(flags, {
      named,
      conditionsOf,
      extras,
      containers,
    });
    print(page.records);
    if (!flags.follow) return;
    using interrupt = onInterrupt();
    const answer = await followLogs((options) => this.connect(flags, options), {
      conditions,
      extras,
      ...(page.place === undefined ? {} : { place: page.place }),
      seen: page.seen,
      signal: interrupt.signal,
      onRecords: print,
      ready: () => this.output.ready(),
      onLost: () => this.#sayLost(containers),
      onFound: () => this.output.say(dim("… the control plane answers again")),
      ...(containers === undefined
        ? {}
        : {
            containers: besides({ ...containers, behind, unsent, conditions, seen: page.seen }),
            answers: (signal) => this.#answers(flags, signal),
          }),
    });
    if (answer !== undefined) this.exitWith(exitCodeOf(answer));
  }

  /** What the containers print, where an engine or a cluster carries it; known secrets are hidden in it. */
  async #containers(flags: Finding): Promise<Containers | undefined> {
    const place = containersOf(this.#context(flags));
    if (place === undefined) return undefined;
    const { openMasks } = await import("../local/masks.ts");
    return { place, redact: await openMasks(this.folder(flags)) };
  }

  /** What cannot be found is told by `connect`. */
  #context(flags: Finding): Context | undefined {
    try {
      return this.installation(flags).context;
    } catch {
      return undefined;
    }
  }

  /** The newest lines; of the containers alone when nobody else answers. */
  async #first(flags: Finding & Chosen, of: First): Promise<Found> {
    const { named, conditionsOf, extras, containers } = of;
    const { tail } = flags;
    try {
      const client = await this.connect(flags);
      if (containers !== undefined) await this.#hears(flags);
      const run = named === undefined ? undefined : await runOf(client, named, flags.previous);
      const conditions = conditionsOf(run);
      const printed = await this.#printed({ ...of, conditions, tail });
      const others = printed?.records ?? [];
      const page = await readLogs(client, { conditions, tail, extras, others });
      const latest = flags.follow ? (printed?.latest ?? []) : [];
      return { conditions, page, behind: printed?.behind, unsent: await notStored(client, latest) };
    } catch (error) {
      if (containers === undefined || !isAway(error) || (named !== undefined && !isId("run", named)))
        throw error;
      const conditions = conditionsOf(named);
      const { records, behind } = await readContainers({ ...containers, conditions, tail, raw: true });
      const seen = new Seen();
      const page = inOrder([], records).filter((record) => seen.take(record));
      if (!flags.follow) this.#sayLost(containers);
      return { conditions, behind, unsent: [], page: { records: tail === 0 ? [] : page.slice(-tail), seen } };
    }
  }

  /** One that hangs is not waited for: what the containers print can be told. */
  async #hears(flags: Finding): Promise<void> {
    const { urls } = await this.reach(flags);
    if (await someAnswers(urls, new AbortController().signal)) return;
    throw new AgentFlowError("unavailable", `no answer from ${urls.join(", ")}`, { reason: "unreachable" });
  }

  /** False too where there is no way to it yet. */
  async #answers(flags: Finding, signal: AbortSignal): Promise<boolean> {
    try {
      return await someAnswers((await this.reach(flags)).urls, signal);
    } catch {
      return false;
    }
  }

  /** What only the containers have; nothing when engine or cluster does not answer. */
  async #printed(
    of: First & { readonly conditions: Conditions; readonly tail: number },
  ): Promise<ContainerPage | undefined> {
    if (of.containers === undefined) return undefined;
    try {
      return await readContainers({ ...of.containers, conditions: of.conditions, tail: of.tail, raw: false });
    } catch (error) {
      const { message } = AgentFlowError.from(error, "reading the containers' output");
      this.output.say([yellow("… without what containers print: "), message]);
      return undefined;
    }
  }

  #sayLost(containers: Containers | undefined): void {
    const text =
      containers === undefined
        ? "… the connection was lost; trying again behind the last line"
        : "… raw: the control plane does not answer; this is what the containers print";
    this.output.say(yellow(text));
  }
}

interface Chosen {
  readonly tail: number;
  readonly previous: boolean;
  readonly follow: boolean;
}

interface Containers {
  readonly place: ContainerPlace;
  readonly redact: (text: string) => string;
}

interface First {
  readonly named: string | undefined;
  readonly conditionsOf: (run: string | undefined) => Conditions;
  readonly extras: Extras;
  readonly containers: Containers | undefined;
}

interface Found {
  readonly page: FirstPage;
  readonly conditions: Conditions;
  readonly behind: ContainerTimes | undefined;
  readonly unsent: NonNullable<ContainerFollowing["unsent"]>;
}

type FirstPage = Pick<LogPage, "records" | "seen"> & { readonly place?: LogPlace };

type Besides = Omit<ContainerFollowing, "signal" | "add">;

function besides(of: Besides): NonNullable<LogFollowing["containers"]> {
  return (add, signal) => followContainers({ ...of, signal, add });
}

function isAway(error: unknown): boolean {
  return AgentFlowError.is(error) && (error.code === "unavailable" || error.code === "timeout");
}

/** What was given, without what was not. */
function given<T extends object>(flags: T): { [K in keyof T]?: Exclude<T[K], undefined> };
function given(flags: object): object {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

function readExtras(text: string | undefined): Extras & { readonly spans: boolean } {
  const words = (text ?? "").split(",").filter((word) => word !== "");
  const wrong = words.find((word) => !extraNames.some((name) => name === word));
  if (wrong !== undefined) {
    throw new AgentFlowError(
      "invalid_input",
      `--with takes spans, bus and state, not ${JSON.stringify(wrong)}`,
    );
  }
  const [spans, bus, state] = extraNames.map((name) => words.includes(name));
  return { spans: spans === true, bus: bus === true, state: state === true };
}

type Test = (text: string) => boolean;

/** Throws for an expression that is none before anything is asked. */
async function patternsOf(flags: { grep?: string | undefined; exclude?: string | undefined }): Promise<{
  readonly match: Test | undefined;
  readonly exclude: Test | undefined;
}> {
  const { grep, exclude } = flags;
  if (grep === undefined && exclude === undefined) return { match: undefined, exclude: undefined };
  const { patternOf } = await import("../local/pattern.ts");
  const testOf = async (text: string | undefined) => (text === undefined ? undefined : patternOf(text));
  return { match: await testOf(grep), exclude: await testOf(exclude) };
}

/** The run that is named; or the one of its workflow that was started before it. */
async function runOf(client: Client, named: string, isPrevious: boolean): Promise<string> {
  const run = await resolveRun(client, named);
  if (!isPrevious) return run;
  const { workflow, startedAt } = await client.runs.get(run);
  const { runs } = await client.runs.list({ workflow, until: startedAt, limit: 2 });
  const before = runs.find((other) => other.run !== run);
  if (before !== undefined) return before.run;
  throw new AgentFlowError("not_found", `no run of ${workflow} was started before ${run}`, {
    suggestions: [`af logs --run ${run}`, `af run list --workflow ${workflow}`],
  });
}

function needsRun({ state }: Extras): AgentFlowError {
  const what = state ? "state" : "bus";
  return new AgentFlowError("invalid_input", `--with ${what} needs --run, or -f`, {
    suggestions: [`af logs --run @last --with ${what}`],
  });
}

function endsThere(): AgentFlowError {
  return new AgentFlowError(
    "invalid_input",
    "processes that have ended say nothing more: -f has no use here",
    {
      suggestions: ["af logs --previous", "af logs -f"],
    },
  );
}
