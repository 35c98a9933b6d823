/** defineWorkflow: a workflow in TypeScript, where one step's output type is known in the next. */
import {
  type ApprovalDefinition,
  type BudgetDefinition,
  type CatchDefinition,
  type Json,
  type RetryDefinition,
  type StepDefinition,
  type WorkflowDefinition,
  apiVersion,
} from "@agentflow/protocol";
import type { ModelAgent } from "./agent.ts";
import { type Agent, type Tool, brand } from "./callable.ts";
import { type Expression, type Given, type Ref, reference, textOf, toTemplate } from "./expression.ts";
import { type InputOf, type OutputOf, type Schema, jsonSchemaOf } from "./schema.ts";

type Callable = Tool<Schema, Schema> | Agent<Schema, Schema> | ModelAgent<Schema, Schema>;
type Accepts<C> = C extends { readonly options: { readonly input?: infer S } } ? InputOf<S> : never;
type Gives<C> = C extends { readonly options: { readonly output?: infer S } } ? OutputOf<S> : never;
type Steps = { readonly [name: string]: unknown };

/** What the functions of a step see: the run's input and the outputs of the steps before. */
export interface Scope<In, Before extends Steps> {
  readonly input: Ref<In>;
  readonly steps: { readonly [Name in keyof Before]: Ref<Before[Name]> };
}

export interface StepOptions {
  readonly description?: string;
  readonly needs?: readonly string[];
  readonly if?: Expression<boolean>;
  readonly join?: StepDefinition["join"];
  readonly retry?: RetryDefinition;
  readonly timeout?: string;
  readonly catch?: { readonly when?: Expression<boolean>; readonly then: unknown };
  readonly pool?: string;
  /** A person is asked before the step begins, and shown exactly what it would be given. */
  readonly approval?: true | Asking;
}

export interface Asking {
  /** Why it is asked. */
  readonly text?: string | Expression<string>;
  /** How long an answer is waited for (24h); then it counts as denied. */
  readonly expires?: string;
}

/** What a question to a person gives, also when they say no, or nobody answers in time. */
export interface PersonAnswer {
  readonly approved: boolean;
  readonly how: "person" | "expired";
  readonly by: string | null;
  readonly comment: string | null;
  readonly at: string;
}

type MakeOptions<In, Before extends Steps> = StepOptions | ((scope: Scope<In, Before>) => StepOptions);

export interface WorkflowOptions<In extends Schema> {
  readonly name: string;
  readonly description?: string;
  readonly input: In;
  readonly timeout?: string;
  /** What one run may use up; the project's `budgets` when left out. */
  readonly budgets?: BudgetDefinition;
}

/** A tool or agent under the name that the project gives it: `uses("tool:orders.find", find)`. */
export interface Named<C> {
  readonly uses: string;
  readonly of?: C;
}

/** Names a tool or agent of the project, with its types. */
export function uses<C extends { readonly kind: "tool" | "agent" }>(
  name: `tool:${string}` | `agent:${string}`,
  _of: C,
): Named<C> {
  return { uses: name };
}

/** Grows step by step; frozen by `output`. Each call gives a new builder, so a prefix can be shared. */
export class WorkflowBuilder<In, Before extends Steps> {
  readonly #base: Omit<WorkflowDefinition, "steps" | "output">;
  readonly #steps: { readonly [step: string]: StepDefinition };

  constructor(
    base: Omit<WorkflowDefinition, "steps" | "output">,
    steps: { readonly [step: string]: StepDefinition },
  ) {
    this.#base = base;
    this.#steps = steps;
  }

  /** A step that calls a tool or an agent with what `given` says. */
  step<const Name extends string, C extends Callable>(
    name: Name,
    callable: Named<C>,
    given: (scope: Scope<In, Before>) => Given<Accepts<C>>,
    options?: MakeOptions<In, Before>,
  ): WorkflowBuilder<In, Before & { readonly [K in Name]: Gives<C> }> {
    const scope = this.#scope();
    return this.#add(name, { uses: callable.uses, with: toTemplate(given(scope)) }, options);
  }

  /** A step that calls a tool or an agent once for each item of a list; its output is the list of outputs. */
  forEach<const Name extends string, C extends Callable, Item>(
    name: Name,
    callable: Named<C>,
    list: (scope: Scope<In, Before>) => Expression<readonly Item[]>,
    given: (item: Ref<Item>, scope: Scope<In, Before>) => Given<Accepts<C>>,
    options?: MakeOptions<In, Before> & { readonly maxParallel?: number },
  ): WorkflowBuilder<In, Before & { readonly [K in Name]: Gives<C>[] }> {
    const scope = this.#scope();
    const each = {
      in: textOf(list(scope)) ?? "[]",
      ...(options?.maxParallel === undefined ? {} : { maxParallel: options.maxParallel }),
    };
    const step = {
      uses: callable.uses,
      with: toTemplate(given(reference<Item>("item"), scope)),
      forEach: each,
    };
    return this.#add(name, step, options);
  }

  /** A step whose output is worked out from what is known already. */
  set<const Name extends string, T>(
    name: Name,
    value: (scope: Scope<In, Before>) => Given<T>,
    options?: MakeOptions<In, Before>,
  ): WorkflowBuilder<In, Before & { readonly [K in Name]: T }> {
    return this.#add(name, { uses: "set", with: toTemplate(value(this.#scope())) }, options);
  }

  /** A durable wait: for a duration, or until an instant. Survives every restart. */
  wait<const Name extends string>(
    name: Name,
    until: { readonly for: string } | { readonly until: string | Expression<string> },
    options?: MakeOptions<In, Before>,
  ): WorkflowBuilder<In, Before & { readonly [K in Name]: null }> {
    return this.#add(name, { uses: "wait", with: toTemplate(until) }, options);
  }

  /** Asks a person: `about` is shown to them, its `text` as the question. A no is an answer, no failure. */
  ask<const Name extends string>(
    name: Name,
    about: (scope: Scope<In, Before>) => { readonly text?: unknown; readonly [key: string]: unknown },
    options?: MakeOptions<In, Before>,
  ): WorkflowBuilder<In, Before & { readonly [K in Name]: PersonAnswer }> {
    return this.#add(name, { uses: "human:approve", with: toTemplate(about(this.#scope())) }, options);
  }

  /** Records an event in the run's history, where followers see it. */
  emit<const Name extends string>(
    name: Name,
    event: (scope: Scope<In, Before>) => { readonly event: string; readonly data?: unknown },
    options?: MakeOptions<In, Before>,
  ): WorkflowBuilder<In, Before & { readonly [K in Name]: null }> {
    return this.#add(name, { uses: "emit", with: toTemplate(event(this.#scope())) }, options);
  }

  /** The finished workflow. */
  output<T>(value?: (scope: Scope<In, Before>) => Given<T>): Workflow<In, T> {
    const output = value === undefined ? {} : { output: toTemplate(value(this.#scope())) };
    const definition: WorkflowDefinition = { ...this.#base, steps: this.#steps, ...output };
    return brand({ kind: "workflow", definition });
  }

  #scope(): Scope<In, Before> {
    const outputs = new Proxy(
      {},
      { get: (_, name) => (typeof name === "string" ? reference(`steps.${name}.output`) : undefined) },
    );
    return { input: reference<In>("input"), steps: outputs as Scope<In, Before>["steps"] };
  }

  #add<Added extends Steps>(
    name: string,
    step: StepDefinition,
    options: MakeOptions<In, Before> | undefined,
  ): WorkflowBuilder<In, Before & Added> {
    const given = typeof options === "function" ? options(this.#scope()) : (options ?? {});
    return new WorkflowBuilder(this.#base, { ...this.#steps, [name]: { ...step, ...written(given) } });
  }
}

export interface Workflow<In = unknown, Out = unknown> {
  readonly kind: "workflow";
  readonly definition: WorkflowDefinition;
  /** Only a type: what a client's start takes and gets. */
  readonly types?: { readonly input: In; readonly output: Out };
}

/** A workflow in TypeScript: the default export of `workflows/<name>.ts`. */
export function defineWorkflow<In extends Schema>(
  options: WorkflowOptions<In>,
): WorkflowBuilder<InputOf<In>, Record<never, never>> {
  const input = jsonSchemaOf(options.input, "input");
  return new WorkflowBuilder(
    {
      apiVersion,
      kind: "Workflow",
      name: options.name,
      ...(options.description === undefined ? {} : { description: options.description }),
      ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
      ...(options.budgets === undefined ? {} : { budgets: options.budgets }),
      ...(input === undefined ? {} : { input }),
    },
    {},
  );
}

function written(options: StepOptions): Partial<StepDefinition> {
  const { if: condition, catch: handler, approval, description, needs, join, retry, timeout, pool } = options;
  const plain = { description, needs, join, retry, timeout, pool };
  const known = Object.entries(plain).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(known),
    ...(condition === undefined ? {} : { if: textOf(condition) ?? "false" }),
    ...(handler === undefined ? {} : { catch: writtenCatch(handler) }),
    ...(approval === undefined ? {} : { approval: writtenApproval(approval) }),
  };
}

function writtenApproval(approval: true | Asking): ApprovalDefinition | true {
  if (approval === true) return true;
  const { text, expires } = approval;
  const written = text === undefined ? undefined : toTemplate(text);
  return {
    ...(typeof written === "string" ? { text: written } : {}),
    ...(expires === undefined ? {} : { expires }),
  };
}

function writtenCatch(handler: NonNullable<StepOptions["catch"]>): CatchDefinition {
  const then: Json = toTemplate(handler.then);
  const when = handler.when === undefined ? undefined : textOf(handler.when);
  return when === undefined ? { then } : { when, then };
}
