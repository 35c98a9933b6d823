import type { AgentFlowError, RunInput } from "@agentflow/protocol";
import type { Dispatcher } from "../dispatcher/dispatcher.ts";
import type { HotRuns } from "./hot-runs.ts";
import { tooManyOpen } from "./run-errors.ts";
import type { RunRef } from "./run-ref.ts";

/**
 * Why an input is not taken up: no further run of a tenant begins that has as much open here as it may.
 * Undefined for whatever belongs to a run that is here already.
 */
export function whyNot(
  ref: RunRef,
  input: RunInput,
  of: { readonly hot: HotRuns; readonly dispatcher: Dispatcher },
): AgentFlowError | undefined {
  if (input.kind !== "start" || of.hot.get(ref.key) !== undefined) return undefined;
  return of.dispatcher.isFull(ref.tenant) ? tooManyOpen(ref.tenant) : undefined;
}
