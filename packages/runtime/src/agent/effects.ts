/** What a loop asks for, done: calls of models and tools in runners, sub-agents here. */
import {
  type TurnCommand,
  type TurnInput,
  type TurnRules,
  type TurnState,
  blobsOf,
  requestOf,
} from "@agentflow/core/turn";
import { sleep } from "@agentflow/host/clock";
import { type Callable, type Failure, type Manifest, type ModelRequest, isId } from "@agentflow/protocol";
import { failureOf } from "../worker/keys.ts";
import { workerLimits } from "../worker/limits.ts";
import { limitsOf } from "./account.ts";
import { scopeOf } from "./begin.ts";
import { agentLimits } from "./limits.ts";
import type { LoopEnd, LoopOptions, OpenLoop } from "./loop-types.ts";
import { callModel } from "./model-call.ts";
import { modelAgent, modelNamed, noAgent } from "./rules.ts";
import { type Scene, nowIn } from "./scene.ts";
import { conversationOf } from "./spans.ts";
import { instructionsOf } from "./start-messages.ts";
import { type ToolCallOptions, callTool } from "./tool-call.ts";

/** What the loop knows at the moment it asks. */
export interface EffectsOptions extends LoopOptions {
  readonly scene: Scene;
  readonly open: (options: LoopOptions) => OpenLoop;
  readonly state: () => TurnState;
  readonly rules: () => TurnRules;
  /** Throws `fenced` when another attempt has the journal. */
  readonly own: () => Promise<void>;
}

export interface Told {
  done(input: TurnInput): void;
  /** Nothing that the loop could be told: the attempt ends. */
  failed(error: unknown): void;
}

type Of<Kind extends TurnCommand["kind"]> = TurnCommand & { readonly kind: Kind };

export class Effects {
  readonly #options: EffectsOptions;
  /** Aborted, nothing begins any more. */
  readonly #stopping: AbortController;
  readonly #open = new Set<Promise<void>>();
  readonly #children = new Set<OpenLoop>();

  constructor(options: EffectsOptions, stopping: AbortController) {
    this.#options = options;
    this.#stopping = stopping;
  }

  start(command: TurnCommand, told: Told): void {
    const work = this.#perform(command)
      .then((input) => {
        if (input !== undefined) told.done(input);
      })
      .catch((error: unknown) => told.failed(error))
      .finally(() => this.#open.delete(work));
    this.#open.add(work);
  }

  /**
   * Asks everything to stop; resolves when nothing is under way any more. What does not stop within its grace
   * is ended with its runner.
   */
  async stop(failure: Failure): Promise<void> {
    const { calls, drive } = this.#options.scene;
    this.#stopping.abort();
    calls.stop(failure.code);
    const disarm = drive.house.world.timers.after(
      workerLimits.stopGraceMs,
      () => calls.kill("a call would not stop when the step's time was up"),
      { background: true },
    );
    await Promise.all([...this.#children].map((child) => child.stop(failure)));
    await Promise.all(this.#open);
    disarm();
  }

  kill(reason: string): void {
    this.#options.scene.calls.kill(reason);
    for (const child of this.#children) child.kill(reason);
  }

  /** Nothing is left behind: what does not stop within its grace is ended with its runner. */
  async close(): Promise<void> {
    this.#stopping.abort();
    const { calls, live, drive } = this.#options.scene;
    if (this.#open.size > 0) {
      calls.stop("the step has ended");
      const late = new AbortController();
      const ended = Promise.all(this.#open).then(() => late.abort());
      await Promise.race([ended, sleep(drive.house.world.timers, workerLimits.stopGraceMs, late.signal)]);
      if (!late.signal.aborted) this.kill("a call of a step that has ended would not stop");
      await ended;
    }
    await live.close();
  }

  async #perform(command: TurnCommand): Promise<TurnInput | undefined> {
    switch (command.kind) {
      case "call_model":
        return this.#callModel(command);
      case "call_tool":
        return this.#callTool(command);
      case "call_agent":
        return this.#callAgent(command);
      case "hand_off":
        return this.#handOff(command);
      default:
        return undefined;
    }
  }

  async #callModel(command: Of<"call_model">): Promise<TurnInput | undefined> {
    const { scene, rules, state, own } = this.#options;
    const { n, model: name, notBefore, maxOutputTokens } = command;
    const { agent } = rules();
    const { turn } = command;
    const definition = modelNamed(this.#manifest(), name, agent);
    const request = async (): Promise<ModelRequest> => {
      // While it waited, another attempt may have come.
      if (notBefore !== undefined) await own();
      const asked = await this.#request(state(), rules());
      return maxOutputTokens === undefined ? asked : { ...asked, maxOutputTokens };
    };
    const signal = this.#stopping.signal;
    const session = conversationOf(state(), this.#options.drive.task);
    const who = { agent, session, turn, n };
    const end = await callModel(scene, { name, definition, ...who, notBefore, request, signal });
    if (end === undefined) return undefined;
    const at = nowIn(scene);
    const { ms } = end;
    if (end.kind === "failed") {
      const begun = end.begun === true ? ({ begun: true } as const) : {};
      return { kind: "model_failed", at, n, failure: end.failure, ...begun, ms };
    }
    const first = end.firstMs === undefined ? {} : { firstMs: end.firstMs };
    return { kind: "model_replied", at, n, reply: end.reply, ms, ...first };
  }

  async #request(state: TurnState, rules: TurnRules): Promise<ModelRequest> {
    const { values } = this.#options.drive;
    await Promise.all(blobsOf(state).map((blob) => values.load(blob)));
    return requestOf(state, rules, (value) => values.known(value));
  }

  async #callTool(command: Of<"call_tool">): Promise<TurnInput | undefined> {
    const { call, tool, input, key } = command;
    const found = this.#manifest().tools.find(({ name }) => name === tool);
    const effect = found?.effect;
    const { agent } = this.#options.rules();
    const isIrreversible = effect === "irreversible";
    const session = conversationOf(this.#options.state(), this.#options.drive.task);
    const own = { kind: "tool", name: tool, call, input, key, isIrreversible } as const;
    return this.#called({ ...own, effect, agent, session, ...callableOf(found) });
  }

  async #called(of: Omit<ToolCallOptions, "signal">): Promise<TurnInput | undefined> {
    const { scene } = this.#options;
    const end = await callTool(scene, { ...of, signal: this.#stopping.signal });
    const at = nowIn(scene);
    const { call } = of;
    const sandbox = end.sandbox === undefined ? {} : { sandbox: end.sandbox };
    switch (end.kind) {
      case "returned":
        return { kind: "call_returned", at, call, output: end.output, ms: end.ms, ...sandbox };
      case "failed":
        return { kind: "call_failed", at, call, failure: end.failure, ms: end.ms, ...sandbox };
      case "lost":
        return { kind: "call_lost", at, call, reason: end.reason, ...sandbox };
      default:
        return undefined;
    }
  }

  async #callAgent(command: Of<"call_agent">): Promise<TurnInput | undefined> {
    const { drive } = this.#options;
    const { call, agent, input, step } = command;
    const manifest = this.#manifest();
    const isModel = modelAgent(manifest, agent) !== undefined;
    if (!isModel && manifest.agents.some(({ name }) => name === agent)) {
      const found = manifest.agents.find(({ name }) => name === agent);
      const key = `${drive.task.run}:${step}`;
      return this.#called({
        kind: "agent",
        name: agent,
        call,
        input,
        key,
        isIrreversible: found?.effect === "irreversible",
        ...callableOf(found),
      });
    }
    const { clock } = drive.house.world;
    const started = clock.monotonic();
    const end = await this.#subAgent(command).catch((error: unknown): LoopEnd => {
      // Then the whole attempt ends: that is not for the agent above to make something of.
      if (drive.lost.aborted) throw error;
      return { kind: "failed", failure: failureOf(error), retryable: false };
    });
    // Stopped with the step, it goes on in its own journal when the step does.
    if (end.kind === "failed" && end.retryable && this.#stopping.signal.aborted) return undefined;
    const at = nowIn(this.#options.scene);
    const ms = Math.max(0, Math.round(clock.monotonic() - started));
    switch (end.kind) {
      case "finished":
        return { kind: "call_returned", at, call, output: end.output, ms };
      case "failed":
        return { kind: "call_failed", at, call, failure: end.failure, ms };
      default:
        return { kind: "call_suspended", at, call, asks: end.asks };
    }
  }

  /** Its own journal, driven in this attempt, within what is left of the limits above it. */
  async #subAgent({ agent: name, step, input }: Of<"call_agent">): Promise<LoopEnd> {
    const { drive, depth, account, scene, open } = this.#options;
    const agent = modelAgent(this.#manifest(), name);
    if (agent === undefined) throw noAgent(name);
    if (depth >= agentLimits.depthMax || !isId("step instance", step)) {
      const message = `agents call each other at most ${agentLimits.depthMax} deep`;
      return { kind: "failed", failure: { code: "limit_exceeded", message }, retryable: false };
    }
    const child = open({
      drive,
      agent,
      input,
      step,
      depth: depth + 1,
      account: account.open(step, limitsOf(agent.agent.limits)),
      parent: scene.span.context,
    });
    this.#children.add(child);
    try {
      return await child.run();
    } finally {
      this.#children.delete(child);
    }
  }

  async #handOff({ call, to }: Of<"hand_off">): Promise<TurnInput> {
    const { drive, input, scene } = this.#options;
    const at = nowIn(scene);
    const agent = modelAgent(this.#manifest(), to);
    try {
      if (agent === undefined) throw noAgent(to);
      const instructions = await instructionsOf(agent, scopeOf(drive, input), drive.house.fillIn);
      return { kind: "handed_off", at, call, to, model: agent.agent.model, instructions };
    } catch (error) {
      return { kind: "call_failed", at, call, failure: failureOf(error), ms: 0 };
    }
  }

  #manifest(): Manifest {
    const manifest = this.#options.drive.house.manifest();
    if (manifest === undefined) throw noAgent(this.#options.agent.name);
    return manifest;
  }
}

function callableOf(found: Callable | undefined): Pick<ToolCallOptions, "secrets" | "timeoutMs"> {
  return { secrets: found?.secrets ?? [], timeoutMs: found?.timeoutMs };
}
