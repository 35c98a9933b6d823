/** What a runner does with a call: by its script, and written down before anything comes of it. */
import { type Call, type CallEnd, type ModelCall } from "@agentflow/runtime";
import { type Said, deedOf, say } from "../workload/model-script.ts";
import { endOf, scriptOf } from "../workload/tools.ts";
import type { Ledger, ModelAsked } from "./ledger.ts";

export type End = CallEnd extends infer E ? (E extends CallEnd ? Omit<E, "startedAt" | "ms"> : never) : never;

export interface Played {
  /** Undefined: it never ends by itself. */
  readonly takesMs: number | undefined;
  readonly deaf: boolean;
  end(): End;
  readonly ofAgent: boolean;
}

export interface By {
  readonly ledger: Ledger;
  readonly worker: string;
  readonly atMs: number;
}

export function play(call: Call | ModelCall, by: By): Played {
  if (call.kind === "model") return playModel(call, by);
  return call.name.startsWith("desk.") ? playDesk(call, by) : playTool(call, by);
}

function playTool(call: Call, { ledger, worker, atMs }: By): Played {
  const { run, step, attempt, name } = call;
  ledger.acts.push({ run, step, attempt, tool: name, worker, atMs });
  const { act, takesMs, deaf } = scriptOf(call);
  if (act === "hang") return { takesMs: undefined, deaf, end: () => stopped, ofAgent: false };
  return { takesMs, deaf: false, end: () => endOf(call, act), ofAgent: false };
}

const stopped: End = { kind: "failed", failure: { code: "stopped", message: "stopped" } };

/** The deed is done at this instant, whatever becomes of the call. */
function playDesk({ run, attempt, name, callId, input }: Call, { ledger, worker, atMs }: By): Played {
  const step = journalOf(callId);
  const before = ledger.deeds.filter((one) => one.key === callId).length;
  ledger.deeds.push({ run, step, attempt, tool: name, key: callId, input, worker, atMs });
  const { act, takesMs, deaf, output } = deedOf({ key: callId, input, before });
  const failure = { code: "flaky", message: "not this time" };
  const end = (): End => (act === "fail" ? { kind: "failed", failure } : { kind: "output", output });
  return { takesMs: act === "hang" ? undefined : takesMs, deaf: act === "hang" && deaf, end, ofAgent: true };
}

function playModel(call: ModelCall, { ledger, worker, atMs }: By): Played {
  const { run, attempt, n, request } = call;
  const step = journalOf(call.callId);
  const mark = `${step}#${n}@${ledger.asks.length}`;
  const said: Said = say({ ...call, step }, mark);
  const { messages } = request;
  const asked: ModelAsked = { run, step, attempt, n, messages, worker, atMs, answered: undefined };
  ledger.asks.push(asked);
  const end = (): End => {
    if (said.kind === "failed") return { kind: "failed", failure: said.failure };
    if (said.kind === "silent") return stopped;
    asked.answered = said.reply;
    return { kind: "reply", reply: said.reply };
  };
  const isSilent = said.kind === "silent";
  return {
    takesMs: isSilent ? undefined : said.takesMs,
    deaf: isSilent && said.deaf,
    end,
    ofAgent: true,
  };
}

/** A call's own step is the run's; in its key stands the journal's, which may be a sub-agent's. */
function journalOf(callId: string): string {
  return callId.split(":")[1] ?? "";
}
