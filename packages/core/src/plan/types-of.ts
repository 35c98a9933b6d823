/** What is known of the values that a plan's expressions see, as JSON Schemas. */
import type { Json, JsonSchema, PlanUses } from "@agentflow/protocol";
import { type Types, compileExpression, isCompiled, typeOf } from "../expr/index.ts";
import type { Catalog, CatalogEntry } from "./catalog.ts";
import type { InspectedPlan, InspectedStep } from "./inspected.ts";
import { isObject } from "./schema.ts";

export function entryOf(uses: PlanUses, catalog: Catalog): CatalogEntry | undefined {
  if (uses.kind === "tool") return catalog.tools.get(uses.name);
  if (uses.kind === "human") return { effect: "pure", output: approvalOutput };
  return uses.kind === "agent" ? catalog.agents.get(uses.name) : undefined;
}

/** Worked out once a plan: making types ready for the checker is what costs. */
export class PlanTypes {
  readonly #catalog: Catalog;
  readonly #run: Types;
  readonly #caught: Types;

  constructor({ plan, steps }: InspectedPlan, catalog: Catalog) {
    this.#catalog = catalog;
    const facts = [...steps.values()].map((step) => [step.id, stepSchema(this.outputOf(step))] as const);
    this.#run = {
      input: plan.input ?? {},
      run: runSchema,
      steps: { type: "object", properties: Object.fromEntries(facts), additionalProperties: false },
    };
    this.#caught = { ...this.#run, error: errorSchema };
  }

  ofRun(): Types {
    return this.#run;
  }

  /** Within a step: a forEach step's input sees the item, its catch sees the failure. */
  ofStep({ def }: InspectedStep, path: string): Types {
    if (path.startsWith("/catch")) return this.#caught;
    const seesItem = path.startsWith("/with") || path.startsWith("/approval");
    if (def.forEach === undefined || !seesItem) return this.#run;
    const item = this.#itemOf(def.forEach.in);
    return { ...this.#run, item, [def.forEach.as]: item };
  }

  ofSelect({ def }: InspectedStep): Types {
    return { output: entryOf(def.uses, this.#catalog)?.output ?? {} };
  }

  /** What expressions see as the output of a step; nothing is known of what a catch puts in its place. */
  outputOf(step: InspectedStep): JsonSchema {
    const { def } = step;
    if (def.catch !== undefined) return {};
    const one = this.#selected(step) ?? entryOf(def.uses, this.#catalog)?.output ?? {};
    return def.forEach === undefined ? one : { type: "array", items: one };
  }

  #selected(step: InspectedStep): JsonSchema | undefined {
    const { select } = step.def;
    const compiled = select === undefined ? undefined : compileExpression(select);
    if (compiled === undefined) return undefined;
    const result = isCompiled(compiled) ? typeOf(compiled, this.ofSelect(step)) : undefined;
    return result?.ok === true ? result.value.schema : {};
  }

  #itemOf(source: string): JsonSchema {
    const compiled = compileExpression(source);
    const result = isCompiled(compiled) ? typeOf(compiled, this.#run) : undefined;
    const items: Json | undefined = result?.ok === true ? result.value.schema["items"] : undefined;
    return isObject(items) ? items : {};
  }
}

const text = { type: "string" };
const textOrNull = { type: ["string", "null"] };
/** What `human:approve` gives: never a failure, also when nobody answered in time. */
const approvalOutput = {
  type: "object",
  properties: {
    approved: { type: "boolean" },
    how: { enum: ["person", "expired"] },
    by: textOrNull,
    comment: textOrNull,
    at: text,
  },
  required: ["approved", "how", "by", "comment", "at"],
  additionalProperties: false,
};
const errorSchema = { type: "object", properties: { code: text, message: text, details: {} } };
const runSchema = {
  type: "object",
  properties: { id: text, workflow: text, startedAt: text },
  additionalProperties: false,
};

function stepSchema(output: JsonSchema): JsonSchema {
  const properties = { status: text, output, error: errorSchema };
  return { type: "object", properties, additionalProperties: false };
}
