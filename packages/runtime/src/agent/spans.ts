/**
 * Spans of an agent's loop: who was asked, how long it took, what it used up. What was said is in them only
 * where `telemetry.content` asks for it.
 */
import type { Clock, Random } from "@agentflow/host/clock";
import {
  type AgentFacts,
  agentSpan,
  attemptLinks,
  type ChatFacts,
  chatSpan,
  createTracer,
  type NamedSpan,
  type Span,
  type ToolFacts,
  type TraceContext,
  toolSpan,
} from "@agentflow/host/spans";
import type { TurnState } from "@agentflow/core/turn";
import type { SpanRecord, Task } from "@agentflow/protocol";
import { sessionRun } from "../memory/session.ts";

export interface LoopSpans {
  /** The whole loop: its context is the parent of what happens in it. */
  agent(of: AgentFacts, parent: TraceContext): Span;
  chat(of: ChatFacts, parent: TraceContext): Span;
  tool(of: ToolFacts, parent: TraceContext): Span;
}

export function loopSpans(options: {
  readonly clock: Clock;
  readonly random: Random;
  readonly task: Task;
  readonly worker: string;
  readonly tell: (record: SpanRecord) => void;
}): LoopSpans {
  const { clock, random, task, worker, tell } = options;
  const tracer = createTracer({ clock, random, sink: tell });
  const owner = { run: task.run, step: task.step, attempt: task.attempt };
  const start = ({ name, ...of }: NamedSpan, parent: TraceContext, links: readonly TraceContext[] = []) =>
    tracer.startSpan(name, { ...owner, ...of, parent, links });
  return {
    agent: (of, parent) => start(agentSpan({ ...of, worker }), parent, attemptLinks(task)),
    chat: (of, parent) => start(chatSpan({ ...of, worker }), parent),
    tool: (of, parent) => start(toolSpan({ ...of, worker }), parent),
  };
}

/** A name of the loop's session that says nothing of it: what names a session is often a person. */
export function conversationOf(state: TurnState, { tenant }: Pick<Task, "tenant">): string | undefined {
  if (state.kind === "absent" || state.started.session === undefined) return undefined;
  const { agent, session } = state.started;
  return sessionRun({ tenant, agent, session });
}
