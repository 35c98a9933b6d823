/** People are asked before a step begins, or about calls of an agent that waits for them. */
import {
  type Ask,
  type Json,
  type Outcome,
  type ResultInput,
  type Shown,
  type StepInstance,
  canonicalJson,
  instant,
  unixMs,
} from "@agentflow/protocol";
import type { PreparedStep } from "../plan/prepare.ts";
import type { Ready } from "./dispatch.ts";
import { type Evaluated, evaluateInput } from "./evaluate.ts";
import type { Sight } from "./scope.ts";
import { roughBytes } from "./sizes.ts";
import { type Work, emit, nowOf, runOf } from "./work.ts";

/** The step waits for a person before anything of it begins: its own approval, or the question it is. */
export function isAsked({ def }: PreparedStep): boolean {
  return def.approval !== undefined || def.uses.kind === "human";
}

/** Shows a person what the step would do, or gives the failure of working that out. */
export function askFirst(
  work: Work,
  { step, instance, sight }: Omit<Ready, "attempt">,
): Evaluated<undefined> {
  const shown = shownOf(step, sight);
  if (!shown.ok) return shown;
  const hash = work.hash(canonicalJson(shown.value));
  const expiresMs = step.def.approval?.expiresMs ?? askDefaults.expiresMs;
  request(work, instance, { shown: shown.value, hash, expiresMs });
  return { ok: true, value: undefined };
}

/** The attempt of an agent's step has ended to wait: each of its asks is written down. */
export function suspend(work: Work, { step, attempt, facts, asks }: Suspended): void {
  const at = nowOf(work);
  emit(work, { kind: "step_suspended", at, step, attempt, ...facts });
  for (const ask of asks) {
    if (ask.kind === "approval") request(work, step, ask);
    else {
      const { call, tool, reason, input } = ask;
      emit(work, { kind: "step_unknown", at, step, attempt, reason, call, tool, given: input });
      work.bytes += eventBytes + roughBytes(input);
    }
  }
}

interface Suspended {
  readonly step: StepInstance;
  readonly attempt: number;
  readonly facts: Pick<ResultInput, "worker" | "startedAt" | "ms" | "code" | "usage">;
  readonly asks: (Outcome & { kind: "suspended" })["asks"];
}

export function approvalTimer(n: number): string {
  return `approval:${n}`;
}

/** What a person reads of a step's own text is cut off here. */
const textMax = 4_000;
/** About the bytes of one such event, without what is shown. */
const eventBytes = 400;
const askDefaults = { expiresMs: 24 * 3_600_000 } as const;

type Requested = Pick<Ask & { kind: "approval" }, "shown" | "hash" | "expiresMs"> & {
  readonly call?: string;
};

function request(work: Work, step: StepInstance, { call, shown, hash, expiresMs }: Requested): void {
  const at = nowOf(work);
  const n = runOf(work).approvals.length + 1;
  const expiresAt = instant(unixMs(at) + expiresMs);
  const of = call === undefined ? {} : { call };
  emit(work, { kind: "approval_requested", at, step, n, ...of, shown, hash, expiresAt });
  work.commands.push({ kind: "start_timer", timer: approvalTimer(n), due: expiresAt });
  work.bytes += eventBytes + roughBytes(shown);
}

function shownOf(step: PreparedStep, sight: Sight): Evaluated<Shown> {
  const input = evaluateInput(step.with, { sight, where: "with" });
  if (!input.ok) return input;
  const text = textOf(step, sight);
  if (!text.ok) return text;
  const { uses, effect } = step.def;
  const why = text.value === undefined ? {} : { text: text.value };
  if (uses.kind === "human")
    return { ok: true, value: { uses: "human:approve", ...asked(input.value), ...why } };
  const name = "name" in uses ? `${uses.kind}:${uses.name}` : uses.kind;
  return { ok: true, value: { uses: name, effect, input: input.value, ...why } };
}

/** `text` of a question's input is the question, unless `approval.text` is. */
function asked(input: Json): Pick<Shown, "input" | "text"> {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return { input };
  const entries = Object.entries(input);
  const text: unknown = entries.find(([key]) => key === "text")?.[1];
  if (typeof text !== "string") return { input };
  const rest = Object.fromEntries(entries.filter(([key]) => key !== "text"));
  return { input: rest, text: text.slice(0, textMax) };
}

function textOf(step: PreparedStep, sight: Sight): Evaluated<string | undefined> {
  if (step.approvalText === undefined) return { ok: true, value: undefined };
  const text = evaluateInput(step.approvalText, { sight, where: "approval.text" });
  if (!text.ok) return text;
  return { ok: true, value: plainText(text.value).slice(0, textMax) };
}

function plainText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
