/** Who uses the installation: starts, repeats, cancels, intrudes, and says what nobody else can know. */
import type { SeededRandom } from "@agentflow/host/virtual";
import { makeRunId, parseId, type RunId } from "@agentflow/protocol";
import type { Client } from "../house/client.ts";
import type { House } from "../house/house.ts";
import type { History, StepFacts } from "../checkers/history.ts";
import { isUnknown } from "../checkers/history.ts";
import { Deciders } from "./deciders.ts";
import { chance } from "./generate.ts";
import { otherBase, type WorkflowSpec } from "./spec.ts";
import { at, sumOf } from "./tools.ts";

export interface PeopleOptions {
  readonly house: House;
  readonly specs: readonly WorkflowSpec[];
  readonly dice: SeededRandom;
  /** Given where workflows ask people: then some answer. */
  readonly decides?: SeededRandom;
  /** Whoever is asked answers in the end, and may want a call made again. */
  readonly diligent?: boolean;
  readonly makeClient: (name: string) => Client;
}

export class People {
  private readonly options: PeopleOptions;
  private readonly clients: Client[] = [];
  private readonly asked = new Set<string>();
  private busy = 0;
  private inputs = 0;

  private readonly deciders: Deciders | undefined;

  constructor(options: PeopleOptions) {
    this.options = options;
    const { decides } = options;
    if (decides === undefined) return;
    this.deciders = new Deciders({
      dice: decides,
      client: (name) => this.client(name),
      inputId: () => this.inputId(),
      later: (act, afterMs) => this.later(act, afterMs),
    });
  }

  /** Nobody waits for an answer. */
  get idle(): boolean {
    return this.busy === 0;
  }

  /** So many runs are started within `withinMs` from now. */
  come(runs: number, withinMs: number): void {
    const { house, dice } = this.options;
    for (let n = 0; n < runs; n++) {
      house.time.after(dice.int(withinMs), () => this.begin(`client-${n}`));
      this.busy++;
    }
  }

  /** The simulation is over: whoever still asks gives up. */
  leave(): void {
    for (const client of this.clients) client.gone = true;
  }

  /** Looks at runs that wait for a person; leaves some of them as they are. */
  lookAfter(histories: ReadonlyMap<string, History>): void {
    for (const [run, history] of histories) {
      const { diligent = false } = this.options;
      if (history.end !== undefined || this.asked.has(run)) continue;
      this.lookAgain(run, history);
      for (const [step, facts] of history.steps) {
        this.settleCalls(parseId("run", run), step, facts);
        if (!isUnknown(facts) || facts.unknownCalls.size > 0) continue;
        const key = diligent ? `${run} ${step} ${facts.attempts.length}` : run;
        if (diligent && this.asked.has(key)) continue;
        this.asked.add(key);
        const command = facts.attempts.at(-1)?.dispatched.command;
        if (command === undefined) continue;
        if (!diligent && chance(this.options.dice, 40)) continue;
        const input = "inline" in command.with ? command.with.inline : null;
        const output = { value: sumOf(at(input, "x") ?? null) + sumOf(at(input, "by") ?? null) };
        const as = chance(this.options.dice, 60) ? "done" : "failed";
        const client = this.client(`person-${run.slice(-4)}`);
        this.track(client.resolve(parseId("run", run), { step, input: this.inputId(), as, output }));
      }
    }
  }

  /** Diligent people look until nothing is asked any more. */
  private lookAgain(run: string, { steps }: History): void {
    if (this.options.diligent !== true || this.deciders === undefined) return;
    const isAsked = [...steps.values()].some(({ end, openApprovals }) => !end && openApprovals.size > 0);
    if (isAsked) this.track(this.deciders.look(parseId("run", run)));
  }

  /** Each loss of a call is looked at once; some are left as they are. */
  private settleCalls(run: RunId, step: string, { unknownCalls, attempts }: StepFacts): void {
    const { dice, diligent = false } = this.options;
    for (const call of unknownCalls) {
      const key = `${run} ${call} ${attempts.length}`;
      if (this.asked.has(key)) continue;
      this.asked.add(key);
      if (!diligent && chance(dice, 20)) continue;
      const done = chance(dice, 60) ? "done" : "failed";
      const as = diligent && chance(dice, 40) ? "retry" : done;
      const client = this.client(`person-${run.slice(-4)}`);
      this.track(client.resolve(run, { step, call, input: this.inputId(), as, output: null }));
    }
  }

  private begin(name: string): void {
    const { house, dice, specs } = this.options;
    const spec = dice.pick(specs);
    if (spec === undefined) return void this.busy--;
    const run = makeRunId(house.time.now(), dice.bytes(10));
    const base = dice.int(50);
    const items = Array.from({ length: dice.int(6) }, () => dice.int(20));
    const body = { run, workflow: spec.name, input: { base, items } };
    const client = this.client(name);
    this.busy--;
    this.track(client.run(body, { waits: !chance(dice, 25), base, items }));
    this.deciders?.watch(run);
    if (chance(dice, 15))
      this.later(() => this.client(`${name}-twin`).run(body, { waits: true, base, items }));
    if (chance(dice, 12)) this.later(() => this.cancel(run));
    if (chance(dice, 8)) {
      this.later(() => client.intrude({ ...body, input: { base: base + otherBase, items } }), 1_000);
    }
  }

  private async cancel(run: RunId): Promise<void> {
    await this.client(`cancel-${run.slice(-4)}`).cancel(run, this.inputId());
  }

  private later(act: () => Promise<void>, afterMs = 0): void {
    const { house, dice } = this.options;
    this.busy++;
    house.time.after(afterMs + dice.int(1_500), () => {
      this.busy--;
      this.track(act());
    });
  }

  private track(work: Promise<void>): void {
    this.busy++;
    void work.finally(() => this.busy--);
  }

  private client(name: string): Client {
    const client = this.options.makeClient(name);
    this.clients.push(client);
    return client;
  }

  private inputId(): string {
    return `person-${++this.inputs}`;
  }
}
