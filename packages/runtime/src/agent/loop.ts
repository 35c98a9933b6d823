/**
 * The loop of one agent: decide, journal, act, again. What has ended while a record is being written is
 * decided together with the next one; nothing is begun before the record that says so is durable.
 */
import {
  type TurnCommand,
  type TurnInput,
  type TurnRules,
  type TurnState,
  decideTurn,
  emptyTurn,
  evolveTurn,
  turnDeadline,
  usageOf,
} from "@agentflow/core/turn";
import { type Stop } from "@agentflow/host/clock";
import { agentEnd } from "@agentflow/host/spans";
import {
  type Failure,
  type TurnEvent,
  instant,
  isInline,
  shardOfDigest,
  subjects,
} from "@agentflow/protocol";
import { hash } from "node:crypto";
import { beginning } from "./begin.ts";
import { noteEarlier } from "./earlier.ts";
import { Effects } from "./effects.ts";
import { endsAttempt } from "./ends-attempt.ts";
import { fenced } from "./fenced.ts";
import { Journal } from "./journal.ts";
import { createLive } from "./live.ts";
import type { LoopEnd, LoopOptions, OpenLoop } from "./loop-types.ts";
import { maskedAnswers, maskedInput } from "./masked-input.ts";
import { OpenCalls } from "./open-calls.ts";
import { rememberEnd } from "./remember-end.ts";
import { createRules } from "./rules-now.ts";
import type { Scene } from "./scene.ts";
import { conversationOf, loopSpans } from "./spans.ts";
import { foldRead } from "./unreadable.ts";

type Ending = TurnCommand & { readonly kind: "finish" | "fail" | "suspend" };

/** A record in the making, with what follows once it is durable. */
interface Making {
  state: TurnState;
  readonly events: TurnEvent[];
  readonly commands: TurnCommand[];
}

export function openLoop(options: LoopOptions): OpenLoop {
  return new Loop(options);
}

class Loop implements OpenLoop {
  readonly #options: LoopOptions;
  readonly #journal: Journal;
  readonly #effects: Effects;
  readonly #scene: Scene;
  readonly #rules: (agent: string) => TurnRules;
  readonly #mailbox: TurnInput[] = [];
  #state: TurnState = emptyTurn;
  #wake: () => void = () => {};
  #fault: { readonly error: unknown } | undefined;
  #stopping: Promise<void> | undefined;
  #isStopped = false;
  #disarm: Stop = () => {};

  constructor(options: LoopOptions) {
    this.#options = options;
    const { drive, step, agent } = options;
    const { task, house, lost } = drive;
    const { tenant, run, attempt } = task;
    const { clock, timers, random } = house.world;
    const stopping = new AbortController();
    const { worker } = house;
    const spans = loopSpans({ clock, random, task, worker, tell: (record) => house.tell([record]) });
    this.#scene = {
      drive,
      step,
      calls: new OpenCalls({
        timers,
        signal: AbortSignal.any([stopping.signal, lost]),
        startCall: (...call) => house.startCall(...call),
        onCode: drive.onCode,
      }),
      live: createLive({ ...house.bus, clock, timers, masks: house.masks, tenant, run, step, attempt }),
      spans,
      span: spans.agent({ agent: agent.name, alias: agent.agent.model }, options.parent),
    };
    const shard = shardOfDigest(hash("sha256", run, "buffer"));
    const subject = subjects.turn({ shard, tenant, run, step });
    this.#journal = new Journal({ log: house.bus.log, clock, timers, subject, attempt, signal: lost });
    this.#rules = createRules(options);
    this.#effects = new Effects(
      {
        ...options,
        scene: this.#scene,
        open: openLoop,
        state: () => this.#state,
        rules: () => this.#rules(this.#agentName(this.#state)),
        own: () => this.#own(),
      },
      stopping,
    );
  }

  /** Throws `fenced` when another attempt has the journal, and what can never be written or read. */
  async run(): Promise<LoopEnd> {
    const { drive } = this.#options;
    const wake = (): void => this.#wake();
    drive.lost.addEventListener("abort", wake, { once: true });
    try {
      const end = await this.#drive();
      const attributes = agentEnd(usageOf(this.#state), conversationOf(this.#state, drive.task));
      this.#scene.span.end(
        end.kind === "failed" ? { errorType: end.failure.code, attributes } : { attributes },
      );
      return end;
    } catch (error) {
      // Whatever else this attempt does for the step would be for nobody.
      if (!this.#isForParent(error)) drive.abandon(error);
      throw error;
    } finally {
      this.#disarm();
      drive.lost.removeEventListener("abort", wake);
      await this.#effects.close();
      this.#scene.span.end({ errorType: "lost" });
    }
  }

  /** A sub-agent that could not even begin: the agent above it is told, and goes on. */
  #isForParent(error: unknown): boolean {
    return this.#options.depth > 1 && this.#state.kind === "absent" && !endsAttempt(error);
  }

  stop(failure: Failure): Promise<void> {
    this.#stopping ??= this.#endCalls(failure);
    return this.#stopping;
  }

  kill(reason: string): void {
    this.#effects.kill(reason);
  }

  async #endCalls(failure: Failure): Promise<void> {
    await this.#effects.stop(failure);
    this.#isStopped = true;
    this.#tell({ kind: "stopped", at: this.#now(), failure });
  }

  async #drive(): Promise<LoopEnd> {
    let ending = await this.#begin();
    while (ending === undefined) ending = await this.#goOn(await this.#next());
    return this.#endOf(ending);
  }

  async #begin(): Promise<Ending | undefined> {
    const { drive } = this.#options;
    const { attempt, answers = [] } = drive.task;
    // Nobody has written before a first attempt: that is found out by the append, and needs no read.
    if (attempt > 1 || answers.length > 0) await this.#read();
    for (;;) {
      const made = await this.#decide([await this.#beginInput()]);
      if (made.events.length === 0) throw fenced("a later attempt has the journal");
      if (await this.#journal.append(made.events)) {
        drive.onRead();
        return this.#act(made);
      }
      await this.#read();
    }
  }

  async #read(): Promise<void> {
    this.#state = foldRead(await this.#journal.read());
    this.#options.account.state = this.#state;
    await noteEarlier(this.#state, this.#options);
  }

  async #beginInput(): Promise<TurnInput> {
    const { drive } = this.#options;
    const { attempt, answers = [] } = drive.task;
    const isNew = this.#state.kind === "absent";
    const brought = isNew ? await beginning(this.#options) : { messages: { inline: [] } };
    const { worker } = drive.house;
    const said = maskedAnswers(answers, drive.house.masks);
    return { kind: "begin", at: this.#now(), attempt, worker, answers: said, ...brought };
  }

  async #goOn(inputs: readonly TurnInput[]): Promise<Ending | undefined> {
    const made = await this.#decide(inputs);
    if (made.events.length > 0 && !(await this.#journal.append(made.events))) {
      throw fenced("another attempt took the journal over");
    }
    return this.#act(made);
  }

  /** Decides the inputs one by one, each on the state that the one before it led to. */
  async #decide(inputs: readonly TurnInput[]): Promise<Making> {
    const made: Making = { state: this.#state, events: [], commands: [] };
    for (const input of inputs) {
      if (input.kind === "stopped") this.#giveUp(made, input);
      this.#decideOne(made, input);
    }
    return { ...made, events: await Promise.all(made.events.map((event) => this.#written(event))) };
  }

  #decideOne(made: Making, input: TurnInput): void {
    const rules = this.#rules(input.kind === "handed_off" ? input.to : this.#agentName(made.state));
    const { events, commands } = decideTurn(made.state, rules, input);
    made.state = events.reduce(evolveTurn, made.state);
    this.#options.account.state = made.state;
    made.events.push(...events);
    made.commands.push(...commands);
  }

  /** Calls that the record would begin, but that nobody will make: nobody has to ask what became of them. */
  #giveUp(made: Making, { at, failure }: TurnInput & { readonly kind: "stopped" }): void {
    for (const command of made.commands) {
      if (command.kind !== "call_tool" || !isIrreversible(made.state, command.call)) continue;
      this.#decideOne(made, { kind: "call_failed", at, call: command.call, failure, ms: 0 });
    }
  }

  /** A long value stands by reference in what is written; its blob is there before. */
  async #written(event: TurnEvent): Promise<TurnEvent> {
    if (event.kind !== "agent_finished" || !isInline(event.output)) return event;
    return { ...event, output: await this.#options.drive.values.store(event.output.inline) };
  }

  #act({ state, commands }: Making): Ending | undefined {
    this.#state = state;
    const ending = commands.find(isEnding);
    if (ending !== undefined) return ending;
    for (const command of commands) {
      this.#effects.start(command, {
        done: (input) => this.#tell(input),
        failed: (error) => this.#fail(error),
      });
    }
    this.#arm();
    return undefined;
  }

  /** The agent's own time, or the step's. */
  #arm(): void {
    this.#disarm();
    const rules = this.#rules(this.#agentName(this.#state));
    const due = turnDeadline(this.#state, rules);
    if (due === undefined) return;
    const { clock, timers } = this.#options.drive.house.world;
    const failure = { code: "timeout", message: `agent ${rules.agent} did not end within its time` };
    this.#disarm = timers.after(Math.max(0, due - clock.now()), () => void this.stop(failure), {
      background: true,
    });
  }

  async #endOf(ending: Ending): Promise<LoopEnd> {
    if (ending.kind === "fail") {
      return { kind: "failed", failure: ending.failure, retryable: ending.retryable };
    }
    if (ending.kind === "suspend") return { kind: "suspended", asks: ending.asks };
    const { values } = this.#options.drive;
    const output = isInline(ending.output) ? await values.store(ending.output.inline) : ending.output;
    await rememberEnd(this.#state, { ...this.#options, scene: this.#scene, output });
    return { kind: "finished", output };
  }

  #tell(input: TurnInput): void {
    this.#mailbox.push(maskedInput(input, this.#options.drive.house.masks));
    this.#wake();
  }

  async #own(): Promise<void> {
    if (!(await this.#journal.isCurrent())) throw fenced("another attempt took the journal over");
  }

  #fail(error: unknown): void {
    this.#fault ??= { error };
    this.#wake();
  }

  /** All that has come. While the loop is being stopped, what comes waits for the stop itself. */
  async #next(): Promise<readonly TurnInput[]> {
    const { lost } = this.#options.drive;
    for (;;) {
      if (lost.aborted) throw fenced("the attempt was given up");
      if (this.#fault !== undefined) throw this.#fault.error;
      const isHeld = this.#stopping !== undefined && !this.#isStopped;
      if (this.#mailbox.length > 0 && !isHeld) return this.#mailbox.splice(0);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #agentName(state: TurnState): string {
    return state.kind === "absent" ? this.#options.agent.name : state.agent;
  }

  #now(): string {
    return instant(this.#options.drive.house.world.clock.now());
  }
}

function isIrreversible(state: TurnState, call: string): boolean {
  const stage = state.kind === "absent" ? undefined : state.calls.get(call)?.stage;
  return stage?.kind === "under_way" && stage.started.effect === "irreversible";
}

function isEnding(command: TurnCommand): command is Ending {
  return command.kind === "finish" || command.kind === "fail" || command.kind === "suspend";
}
