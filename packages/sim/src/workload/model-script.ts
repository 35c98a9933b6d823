/**
 * What the simulated model says: a function of the run, the step's journal and what was said so far. A second
 * call for the same reply says the same, but for a mark of its own.
 */
import { type SeededRandom, seededRandom } from "@agentflow/host/virtual";
import type { Failure, Json, Message, ModelReply, ReplyPart } from "@agentflow/protocol";
import type { ModelCall } from "@agentflow/runtime";
import { parseJson } from "../checkers/parse-json.ts";
import { chance } from "./generate.ts";
import { at, sumOf } from "./tools.ts";

export type Said =
  | { readonly kind: "reply"; readonly takesMs: number; readonly reply: ModelReply }
  | { readonly kind: "failed"; readonly takesMs: number; readonly failure: Failure }
  /** No answer, ever; deaf, it does not stop when it is told to. */
  | { readonly kind: "silent"; readonly deaf: boolean };

export function say(call: ModelCall, mark: string): Said {
  const tries = seededRandom(`try/${call.run}/${call.step}/${call.n}`);
  return troubleOf(tries) ?? { kind: "reply", takesMs: durationMs(tries), reply: replyTo(call, mark) };
}

function troubleOf(dice: SeededRandom): Said | undefined {
  const roll = dice.number() * 100;
  const failed = (code: string, details?: Failure["details"]): Said => {
    const failure = { code, message: "not this time", ...(details === undefined ? {} : { details }) };
    return { kind: "failed", takesMs: durationMs(dice), failure };
  };
  if (roll < 5) return failed("model_rate_limited", { retryAfterMs: 50 + dice.int(1_500) });
  if (roll < 9) return failed("model_unavailable");
  if (roll < 12) return failed("model_malformed");
  if (roll < 12.4) return failed("model_refused");
  if (roll < 14) return { kind: "silent", deaf: chance(dice, 20) };
  return undefined;
}

function replyTo({ run, step, request }: ModelCall, mark: string): ModelReply {
  const { messages, tools, output } = request;
  const turn = 1 + messages.filter(({ role }) => role === "assistant").length;
  const plan = seededRandom(`plan/${run}/${step}`);
  const callTurns = plan.int(step.includes("~") ? 3 : 4);
  const dice = seededRandom(`reply/${run}/${step}/${turn}`);
  const names = tools.map(({ name }) => name);
  const usage = { inputTokens: 20 + dice.int(400), outputTokens: 1 + dice.int(90), ...cached(dice) };
  const base = { usage, model: "sim-1", id: mark };
  if (turn > callTurns) {
    const isGarbled = output !== undefined && turn === callTurns + 1 && chance(dice, 15);
    const value = valueOf(messages);
    const text = isGarbled ? `${mark} is no JSON` : JSON.stringify({ value, mark });
    return { ...base, parts: [{ kind: "text", text }], finish: "stop" };
  }
  const thought: ReplyPart = { kind: "reasoning", text: `thought ${mark}`, meta: { signature: mark } };
  const parts: ReplyPart[] = [...(chance(dice, 30) ? [thought] : []), { kind: "text", text: mark }];
  const own = names.filter((name) => !name.startsWith("transfer_to_"));
  for (let n = 1 + dice.int(3); n > 0; n--) parts.push(callOf(own, `${turn}.${n}`, dice));
  const [transfer] = names.filter((name) => name.startsWith("transfer_to_"));
  if (transfer !== undefined && chance(dice, 20)) {
    parts.push({ kind: "call", id: `${turn}.t`, tool: transfer, input: {} });
  }
  return { ...base, parts, finish: "tool_calls" };
}

function callOf(tools: readonly string[], id: string, dice: SeededRandom): ReplyPart {
  const roll = dice.int(100);
  if (roll < 4) return { kind: "call", id, tool: "desk__missing", input: {} };
  if (roll < 7) return { kind: "call", id, tool: "desk__put", text: "{oops" };
  const tool = dice.pick(tools) ?? "desk__look";
  const amount = dice.int(1_000);
  if (!tool.startsWith("agent__")) return { kind: "call", id, tool, input: { amount } };
  return { kind: "call", id, tool, input: { task: JSON.stringify({ x: [amount], by: 1 }) } };
}

/** What the step is asked for stands in the first message of the user. */
function valueOf(messages: readonly Message[]): number {
  const first = messages.find(({ role }) => role === "user");
  const input = first?.role === "user" ? parseJson(first.text) : null;
  return sumOf(at(input, "x") ?? null) + sumOf(at(input, "by") ?? null);
}

function cached(dice: SeededRandom): { readonly cacheReadTokens?: number } {
  return chance(dice, 30) ? { cacheReadTokens: dice.int(20) } : {};
}

function durationMs(dice: SeededRandom): number {
  return chance(dice, 20) ? dice.int(1_200) : 1 + dice.int(80);
}

/** What a tool of the desk does with its call; the second time it goes well. */
export interface Deed {
  readonly takesMs: number;
  readonly act: "answer" | "fail" | "hang";
  readonly deaf: boolean;
  readonly output: Json;
}

export function deedOf(of: { readonly key: string; readonly input: Json; readonly before: number }): Deed {
  const dice = seededRandom(`deed/${of.key}`);
  const roll = dice.int(100);
  const act = of.before > 0 ? "answer" : roll < 8 ? "fail" : roll < 12 ? "hang" : "answer";
  const takesMs = chance(dice, 15) ? dice.int(1_400) : dice.int(60);
  return { takesMs, act, deaf: chance(dice, 30), output: { done: of.key, of: of.input } };
}
