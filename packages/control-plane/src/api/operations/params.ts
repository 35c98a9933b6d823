import {
  grammar,
  type IdKind,
  type RunId,
  type StepInstance,
  type WorkflowName,
  isId,
  parseId,
} from "@agentflow/protocol";
import { z } from "zod";

export const runParams = z.object({
  run: z
    .string()
    .refine((text) => isId("run", text), { error: "is not a valid run id" })
    .transform((text): RunId => parseId("run", text)),
});

export const workflowParams = z.object({
  name: z
    .string()
    .refine((text) => isId("workflow", text), { error: "is not a valid workflow name" })
    .transform((text): WorkflowName => parseId("workflow", text)),
});

export const stepQuery = z
  .string()
  .refine((text) => isId("step instance", text), { error: "is not a valid step instance" })
  .transform((text): StepInstance => parseId("step instance", text))
  .exactOptional();

/** An id in a query, where one may stand. */
export function idQuery<Kind extends IdKind>(kind: Kind) {
  return z
    .string()
    .regex(grammar[kind], { error: `is not a valid ${kind}` })
    .transform((text) => parseId(kind, text))
    .exactOptional();
}
