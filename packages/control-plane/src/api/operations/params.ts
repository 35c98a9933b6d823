import { type RunId, type WorkflowName, isId, parseId } from "@agentflow/protocol";
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
