/** Reports inputs to the owner of a run's shard, again and again until there is an answer. */
import type { Wire } from "@agentflow/bus";
import type { Random, Timers } from "@agentflow/host/clock";
import { sleep } from "@agentflow/host/clock";
import {
  AgentFlowError,
  type InputAnswer,
  type InputId,
  type InputRequest,
  type RunId,
  type RunInput,
  type TenantId,
  errorTable,
  parseId,
  shardOfDigest,
  subjects,
} from "@agentflow/protocol";
import { hash } from "node:crypto";
import { parseAnswer } from "./parse-answer.ts";

export const reportLimits = {
  /** Who sleeps, or is cut off without the bus knowing, is still asked in turn with who has the shard now. */
  timeoutMs: 2_500,
  backoffMinMs: 50,
  backoffMaxMs: 2_000,
} as const;

export interface Reporter {
  /** A fresh input id of this worker: made once for each report, kept through its repeats. */
  inputId(): InputId;
  /** The owner's answer, or undefined when the signal aborted first. Throws what can never succeed. */
  report(
    of: { tenant: TenantId; run: RunId },
    input: RunInput,
    signal: AbortSignal,
  ): Promise<InputAnswer | undefined>;
}

export function createReporter(options: { wire: Wire; timers: Timers; random: Random }): Reporter {
  const { wire, timers, random } = options;
  const prefix = Buffer.from(random.bytes(6)).toString("hex");
  let count = 0;
  return {
    inputId: () => parseId("input", `w${prefix}-${(count++).toString(36)}`),
    async report({ tenant, run }, input, signal) {
      const subject = subjects.in({ shard: shardOfDigest(hash("sha256", run, "buffer")), tenant });
      const request: InputRequest = { v: 1, kind: "input", run, input };
      const body = JSON.stringify(request);
      let backoffMs: number = reportLimits.backoffMinMs;
      while (!signal.aborted) {
        try {
          return parseAnswer(await wire.request(subject, body, { timeoutMs: reportLimits.timeoutMs }));
        } catch (error) {
          if (!mayPass(error)) throw error;
          await sleep(timers, backoffMs, signal);
          backoffMs = Math.min(backoffMs * 2, reportLimits.backoffMaxMs);
        }
      }
      return undefined;
    },
  };
}

/** What is too long to be said stays so, however often it is tried. */
export function isTooBig(error: unknown): boolean {
  return AgentFlowError.is(error) && error.reason === "too_big";
}

function mayPass(error: unknown): boolean {
  if (!AgentFlowError.is(error) || isTooBig(error)) return false;
  const { retry } = errorTable[error.code];
  return retry === "backoff" || retry === "reload" || retry === "after_delay";
}
