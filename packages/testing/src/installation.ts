/** The whole installation in memory on virtual time: the same engine, worker and calls as everywhere else. */
import { compileExpression, compileTemplate, isTemplate } from "@agentflow/core/expr";
import { type MemoryBus, openMemoryBus } from "@agentflow/bus/memory";
import { type Engine, startEngine } from "@agentflow/control-plane";
import { createLog, toSink } from "@agentflow/host/log";
import { createMetrics } from "@agentflow/host/metrics";
import { VirtualTime, seededRandom } from "@agentflow/host/virtual";
import {
  AgentFlowError,
  type ApprovalView,
  type InputId,
  type Json,
  type LogRecord,
  type ResolveBody,
  type RunAnswer,
  type RunEventView,
  type RunId,
  type RunView,
  defaultPool,
  defaultTenant,
  devBuild,
  makeRunId,
  parseDuration,
  parseId,
} from "@agentflow/protocol";
import { type SecretSource, Worker, fillInBy } from "@agentflow/runtime";
import { type InProcessRunners, inProcessRunners } from "./in-process-runner.ts";
import { type GivenProject, openProject } from "./project.ts";

export interface TestOptions extends GivenProject {
  /** Everything that chance decides is decided by it (default 1). */
  readonly seed?: number;
  /** Reorder, repeat and delay what travels, as bad weather does (default: fair weather). */
  readonly nasty?: boolean;
  readonly slots?: number;
  /** Values by name: what tools and models get that name them. */
  readonly secrets?: { readonly [name: string]: string };
  /** What `env://NAME` stands for; its default when left out. */
  readonly variables?: { readonly [name: string]: string };
  /** The first instant, RFC 3339 (default 2026-01-01). */
  readonly startAt?: string;
}

export interface TestInstallation extends AsyncDisposable {
  /** Starts a run and drives time until it has ended (or waits for a person). */
  run(workflow: string, input?: Json): Promise<RunAnswer>;
  /** Starts a run and returns at once: drive time with `advance`. */
  start(workflow: string, input?: Json): Promise<StartedRun>;
  /** Drives time until the run has ended, or waits for a person (again). */
  ended(run: string): Promise<RunAnswer>;
  /** Moves time, firing every timer on the way: `advance("24h")`. */
  advance(duration: string): Promise<void>;
  get(run: string): Promise<RunView>;
  events(run: string): Promise<readonly RunEventView[]>;
  /** What people are asked in a run, the newest first. */
  approvals(run: string): Promise<readonly ApprovalView[]>;
  /** Answers as a person would, to exactly what is shown now. */
  decide(
    approval: string,
    answer: { approve: boolean; by?: string; comment?: string },
  ): Promise<ApprovalView>;
  /** Says what became of a step, or of a call of its agent, whose outcome is unknown. */
  resolve(run: string, answer: Omit<ResolveBody, "input">): Promise<void>;
  /** What tools and agents logged so far. */
  logs(): readonly LogRecord[];
  /** Kills the runner with all calls in it, as a crash of user code would. */
  killRunner(): void;
  /** Stops the control plane without goodbye and starts another on the same log. */
  restartControlPlane(): Promise<void>;
  now(): Date;
  close(): Promise<void>;
}

function secretsOf({ secrets = {}, variables = {} }: TestOptions): SecretSource {
  const ownOf = (values: { readonly [name: string]: string }, name: string): string | undefined =>
    Object.hasOwn(values, name) ? values[name] : undefined;
  return { get: (name) => ownOf(secrets, name), variable: (name) => ownOf(variables, name) };
}

export interface StartedRun {
  readonly run: string;
  /** Drives time until the run has ended. */
  ended(): Promise<RunAnswer>;
  cancel(reason?: string): Promise<void>;
  /** What it asks people and nobody has answered, oldest first. */
  asks(): Promise<readonly ApprovalView[]>;
  /** Answers the oldest of them; fails when it asks nothing. Then `ended` goes on. */
  answer(answer: PersonAnswer): Promise<void>;
}

export interface PersonAnswer {
  readonly approve: boolean;
  readonly comment?: string;
  /** Who answers (`tester`). */
  readonly by?: string;
}

export async function testInstallation(options: TestOptions = {}): Promise<TestInstallation> {
  const project = await openProject(options);
  const house = new House(options);
  await house.open(project.loaded, options);
  for (const definition of project.workflows) await house.register(definition);
  return house;
}

/** Real milliseconds that user code may keep everything waiting before `run` gives up on it. */
const patienceMs = 60_000;
const longWaitMs = 366 * 86_400_000;

class House implements TestInstallation {
  readonly #time: VirtualTime;
  readonly #random: ReturnType<typeof seededRandom>;
  readonly #bus: MemoryBus;
  readonly #logs: LogRecord[] = [];
  #engine: Engine | undefined;
  #worker: Worker | undefined;
  #runners: InProcessRunners | undefined;
  #inputs = 0;

  constructor(options: TestOptions) {
    const startMs = options.startAt === undefined ? {} : { startMs: Date.parse(options.startAt) };
    this.#time = new VirtualTime(startMs);
    this.#random = seededRandom(options.seed ?? 1);
    this.#bus = openMemoryBus({ world: this.#world(), polite: options.nasty !== true });
  }

  async open(loaded: Awaited<ReturnType<typeof openProject>>["loaded"], options: TestOptions): Promise<void> {
    await this.#startEngine();
    this.#runners = inProcessRunners(async () => loaded, options.dir ?? process.cwd());
    this.#worker = new Worker({
      bus: this.#bus.client("worker"),
      world: this.#world(),
      log: this.#log("worker"),
      worker: parseId("worker", "test"),
      tenant: defaultTenant,
      pool: defaultPool,
      build: devBuild,
      slots: options.slots ?? 16,
      leaseMs: 30_000,
      host: "test",
      pid: 1,
      compileSelect: compileExpression,
      fillIn: fillInBy(() => ({ compileTemplate, isTemplate })),
      secrets: secretsOf(options),
      startRunner: (events) =>
        this.#startRunner({
          ...events,
          tele: (records) => {
            for (const record of records) if (record.kind === "log") this.#logs.push(record);
            events.tele(records);
          },
        }),
    });
    await this.#drive(this.#worker.start());
    const { code } = loaded.manifest;
    await this.#until(() =>
      Promise.resolve(
        this.#live()
          .registry.listWorkers(defaultTenant)
          .some(({ manifest }) => manifest?.code === code),
      ),
    );
  }

  async register(definition: Parameters<Engine["registry"]["register"]>[1]["definition"]): Promise<void> {
    await this.#drive(this.#live().registry.register(defaultTenant, { definition }));
  }

  async run(workflow: string, input?: Json): Promise<RunAnswer> {
    const started = await this.start(workflow, input);
    return started.ended();
  }

  async start(workflow: string, input?: Json): Promise<StartedRun> {
    const run = makeRunId(this.#time.now(), this.#random.bytes(10));
    const body = { run, workflow, ...(input === undefined ? {} : { input }) };
    await this.#drive(this.#live().runs.start(defaultTenant, body, { waitMs: 0 }));
    return {
      run,
      ended: () => this.#ended(run),
      asks: () => this.#asks(run),
      answer: (answer) => this.#answer(run, answer),
      cancel: async (reason) => {
        const body = { input: this.#inputId(), ...(reason === undefined ? {} : { reason }) };
        await this.#drive(this.#live().runs.cancel(defaultTenant, run, body));
      },
    };
  }

  ended(run: string): Promise<RunAnswer> {
    return this.#ended(parseId("run", run));
  }

  async advance(duration: string): Promise<void> {
    await this.#time.advance(parseDuration(duration));
  }

  get(run: string): Promise<RunView> {
    return this.#drive(this.#live().runs.get(defaultTenant, parseId("run", run)));
  }

  async events(run: string): Promise<readonly RunEventView[]> {
    const page = await this.#drive(
      this.#live().runs.events(defaultTenant, parseId("run", run), { limit: 1_000 }),
    );
    return page.events;
  }

  async approvals(run: string): Promise<readonly ApprovalView[]> {
    const { people, caughtUp } = this.#live();
    await this.#drive(caughtUp());
    return (await this.#drive(people.approvals(defaultTenant, { run }))).approvals;
  }

  async decide(
    approval: string,
    answer: { approve: boolean; by?: string; comment?: string },
  ): Promise<ApprovalView> {
    const { people } = this.#live();
    const { hash } = await this.#drive(people.approval(defaultTenant, approval));
    const body = { input: this.#inputId(), hash, ...answer };
    return this.#drive(people.decide(defaultTenant, approval, body));
  }

  async resolve(run: string, answer: Omit<ResolveBody, "input">): Promise<void> {
    const body = { input: this.#inputId(), ...answer };
    await this.#drive(this.#live().runs.resolve(defaultTenant, parseId("run", run), body));
  }

  logs(): readonly LogRecord[] {
    return this.#logs;
  }

  killRunner(): void {
    this.#runners?.kill();
  }

  async restartControlPlane(): Promise<void> {
    this.#bus.faults.crash("engine");
    await this.#startEngine();
  }

  now(): Date {
    return new Date(this.#time.now());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker !== undefined) await this.#drive(worker.stop());
    if (this.#engine !== undefined) await this.#drive(this.#engine.stop());
    await this.#bus.close();
  }

  async #startEngine(): Promise<void> {
    const start = startEngine({
      bus: this.#bus.client("engine"),
      world: this.#world(),
      log: this.#log("control-plane"),
      metrics: createMetrics(),
      node: "test",
      version: "test",
      readModelDir: ":memory:",
      tenantDefaults: { build: devBuild },
    });
    this.#engine = await this.#drive(start);
  }

  #startRunner(events: Parameters<InProcessRunners["start"]>[0]): ReturnType<InProcessRunners["start"]> {
    if (this.#runners === undefined) throw new TypeError("the installation is not open");
    return this.#runners.start(events);
  }

  #live(): Engine {
    if (this.#engine === undefined) throw new TypeError("the installation is not open");
    return this.#engine;
  }

  async #asks(run: RunId): Promise<readonly ApprovalView[]> {
    await this.#drive(this.#live().caughtUp());
    const filter = { status: "open", run };
    const { approvals } = await this.#drive(this.#live().people.approvals(defaultTenant, filter));
    return approvals.toReversed();
  }

  async #answer(run: RunId, { by = "tester", ...answer }: PersonAnswer): Promise<void> {
    const [asked] = await this.#asks(run);
    if (asked === undefined) throw new AgentFlowError("refused", `run ${run} asks nobody anything`);
    const { approval, hash } = asked;
    const body = { input: this.#inputId(), hash, by, ...answer };
    await this.#drive(this.#live().people.decide(defaultTenant, approval, body));
  }

  async #ended(run: RunId): Promise<RunAnswer> {
    return this.#drive(this.#live().runs.wait(defaultTenant, run, { waitMs: longWaitMs }));
  }

  /** Time moves only while no user code is at work: a slow tool is waited for, not timed out. */
  async #drive<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const mark = (): void => void (settled = true);
    work.then(mark, mark);
    const startedMs = performance.now();
    for (;;) {
      await this.#time.settle();
      if (settled) return work;
      if ((this.#runners?.open() ?? 0) > 0) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (performance.now() - startedMs > patienceMs)
          throw new Error("user code has not answered for a minute");
      } else if (!this.#time.step()) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  }

  async #until(holds: () => Promise<boolean>): Promise<void> {
    while (!(await holds())) {
      await this.#time.settle();
      this.#time.step();
    }
  }

  #world(): { clock: VirtualTime; timers: VirtualTime; random: ReturnType<typeof seededRandom> } {
    return { clock: this.#time, timers: this.#time, random: this.#random };
  }

  #log(source: "worker" | "control-plane"): ReturnType<typeof createLog> {
    return createLog({ source, clock: this.#time, level: "warn", outputs: [toSink(() => {})] });
  }

  #inputId(): InputId {
    return parseId("input", `t${this.#inputs++}`);
  }
}
