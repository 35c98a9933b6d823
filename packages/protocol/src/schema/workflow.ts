/** Schema of a workflow as authored. Editors show the descriptions, so they are written for who types. */
import { z } from "zod";
import { type Join, apiVersion } from "../workflow.ts";
import { budgets } from "./budgets.ts";
import { duration, idText, textOf } from "./parse-id.ts";
import { authored, json, jsonObject, list } from "./parse-object.ts";

const cel = z.string().min(1, { error: "is empty: write an expression, or leave the key out" }).max(10_000);

const usesForms = [
  "set",
  "wait",
  "emit",
  "human:approve",
  "tool:[a-z0-9][a-z0-9_-]{0,62}\\.[a-z][A-Za-z0-9]{0,62}",
  "agent:[a-z0-9][a-z0-9_-]{0,62}",
];
const usesPattern = new RegExp(`^(${usesForms.join("|")})$`);

export const join: z.ZodType<Join, string> = z.union([
  z.enum(["all", "any", "settled"]),
  textOf<`n:${number}`>(/^n:[1-9][0-9]{0,2}$/, "is not a join: write all, any, settled or n:2"),
]);

const forEach = authored({
  in: cel.meta({
    description: "Expression that gives the list, at most 10,000 items. Bare CEL, without ${ }.",
    examples: ["input.tickets", "steps.scan.output.groups"],
  }),
  as: idText("step")
    .exactOptional()
    .meta({
      description: "A second name for `item` in the expressions of this step.",
      examples: ["ticket"],
    }),
  maxParallel: z.int().min(1).max(1_000).exactOptional().meta({
    description: "How many items are worked on at the same time.",
    default: 16,
  }),
});

const retry = authored({
  max: z
    .int()
    .min(1)
    .max(100)
    .meta({
      description: "Attempts in all, the first included: 3 means two repeats.",
      examples: [3],
    }),
  backoff: duration.exactOptional().meta({
    description: "Wait before the second attempt; it grows by `factor` each time.",
    default: "1s",
    examples: ["500ms", "5s"],
  }),
  factor: z.number().min(1).max(100).exactOptional().meta({
    description: "By how much the wait grows from one attempt to the next.",
    default: 2,
  }),
  maxBackoff: duration.exactOptional().meta({
    description: "The wait grows no longer than this.",
    default: "5m",
  }),
  nonRetryable: list(z.string().min(1).max(63), 100)
    .exactOptional()
    .meta({
      description: "Failure codes after which another attempt is useless: the step fails at once.",
      examples: [["invalid_input", "not_found"]],
    }),
});

const caught = authored({
  when: cel.exactOptional().meta({
    description: "Expression over `error` (code, message, details). Left out, every failure is caught.",
    examples: ["error.code == 'not_found'"],
  }),
  then: json.meta({
    description: "The name of a handler step, or the value that becomes this step's output.",
    examples: ["notify", { found: false }],
  }),
});

const approval = authored({
  text: z
    .string()
    .max(2_000)
    .exactOptional()
    .meta({
      description: "Why it is asked; may hold ${ }.",
      examples: ["Refund ${input.amount} to ${input.customer}?"],
    }),
  expires: duration.exactOptional().meta({
    description: "How long an answer is waited for; then it counts as denied.",
    default: "24h",
  }),
});

export const step = authored({
  description: z.string().max(1_000).exactOptional().meta({ description: "What the step is for." }),
  uses: z
    .string()
    .regex(usesPattern, {
      error:
        "is not something a step can use: " +
        "write tool:<file>.<export>, agent:<name>, human:approve, set, wait or emit",
    })
    .meta({
      description:
        "What the step does: a tool, an agent, `human:approve` (asks a person), or `set` (makes a value), " +
        "`wait` (sleeps durably), `emit` (tells an event).",
      examples: ["tool:orders.find", "agent:writer", "set", "wait", "emit"],
    }),
  with: json.exactOptional().meta({
    description:
      "What it is given. Strings may hold ${ } with an expression; one that is a single ${ } keeps the " +
      "value's type.",
    examples: [{ text: "${input.ticket}" }],
  }),
  needs: list(idText("step"), 1_000)
    .exactOptional()
    .meta({
      description: "Steps that come before this one, beside those that its expressions read.",
      examples: [["classify"]],
    }),
  if: cel.exactOptional().meta({
    description: "Expression that must be true, else the step is skipped. Bare CEL, without ${ }.",
    examples: ["steps.classify.output.kind == 'refund'"],
  }),
  join: join.exactOptional().meta({
    description:
      "Which of the steps before must be done: `all`, `any` one, `n:2` of them, or `settled`: all ended, " +
      "whatever way.",
    default: "all",
  }),
  forEach: forEach.exactOptional().meta({
    description: "Run the step once for each item of a list; the output is the list of outputs.",
  }),
  retry: retry.exactOptional().meta({
    description: "How often to try again, and after how long. Without it there is one attempt.",
  }),
  timeout: duration.exactOptional().meta({
    description: "Longest that one attempt may take on a worker.",
    examples: ["60s"],
  }),
  catch: caught.exactOptional().meta({
    description: "What to do with a failure instead of failing the run.",
  }),
  select: cel.exactOptional().meta({
    description:
      "Expression over `output`, evaluated on the worker: what later steps see when the output is big.",
    examples: ["{'total': size(output.rows)}"],
  }),
  pool: idText("pool").exactOptional().meta({
    description: "The pool of workers that runs the step.",
    default: "default",
  }),
  approval: z
    .union([z.literal(true), approval])
    .exactOptional()
    .meta({
      description: "A person is asked before the step begins; denied, it fails as `approval_denied`.",
    }),
});

export const workflow = authored({
  apiVersion: z.literal(apiVersion).meta({ description: "Version of this file's format." }),
  kind: z.literal("Workflow").meta({ description: "What this file is." }),
  name: idText("workflow").meta({
    description: "The workflow's name: what `af run` is given.",
    examples: ["triage"],
  }),
  description: z.string().max(1_000).exactOptional().meta({ description: "What the workflow is for." }),
  input: jsonObject.exactOptional().meta({
    description: "JSON Schema of the run's input. A run whose input does not match is refused at the start.",
    examples: [{ type: "object", required: ["ticket"], properties: { ticket: { type: "string" } } }],
  }),
  planner: authored({
    kind: z.literal("static").meta({ description: "`static`: the steps are those written here." }),
  })
    .exactOptional()
    .meta({ description: "How the steps of a run are found.", default: { kind: "static" } }),
  timeout: duration.exactOptional().meta({
    description: "The run fails with `timeout` unless it ends within this time.",
    examples: ["10m", "24h"],
  }),
  budgets: budgets.exactOptional().meta({
    description: "What one run may use up; the project's `budgets` where left out.",
  }),
  steps: z
    .record(idText("step"), step)
    .refine((steps) => Object.keys(steps).length <= 1_000, { error: "at most 1,000 steps" })
    .meta({ description: "The steps by name. They run as soon as what they need is done, side by side." }),
  output: json.exactOptional().meta({
    description: "Template of the run's output, over `steps` and `input`. Without it the output is null.",
    examples: [{ reply: "${steps.answer.output.text}" }],
  }),
});
