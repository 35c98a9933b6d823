import type { JsonSchema } from "@agentflow/protocol";
import { type ExprProblem, problem } from "./problem.ts";
import { isList, isSchema, typeWord } from "./schema-types.ts";
import type { Inferred } from "./typing.ts";

/**
 * Why a value of the inferred type can never suit a schema, or undefined. Only obvious mismatches count:
 * another JSON type, a required property that the source cannot have. What is unknown suits everything, and
 * so does a value that may be null where its other types suit.
 */
export function assignable(inferred: Inferred, schema: JsonSchema): ExprProblem | undefined {
  const why = mismatch(inferred.schema, schema, { at: "", depth: 0 });
  return why === undefined ? undefined : problem("type", why);
}

interface Place {
  readonly at: string;
  readonly depth: number;
}

const depthMax = 32;

function mismatch(from: JsonSchema, to: JsonSchema, place: Place): string | undefined {
  if (place.depth > depthMax) return undefined;
  const choices = choicesOf(to);
  const sources = choicesOf(from).filter((choice) => typeWord(choice) !== "null");
  if (choices.length > 1 || sources.length > 1) {
    const suits = sources.some((one) => choices.some((other) => mismatch(one, other, place) === undefined));
    return suits || sources.length === 0 ? undefined : differs(from, to, place);
  }
  const [source, target] = [sources[0] ?? from, choices[0] ?? to];
  const [have, want] = [wordFor(source), wordFor(target)];
  if (have === undefined || want === undefined) return undefined;
  if (have !== want) return differs(source, target, place);
  if (want === "array") return items(source, target, place);
  return want === "object" ? properties(source, target, place) : undefined;
}

function items(source: JsonSchema, target: JsonSchema, { at, depth }: Place): string | undefined {
  const [have, want] = [source["items"], target["items"]];
  return isSchema(have) && isSchema(want)
    ? mismatch(have, want, { at: `${at}/items`, depth: depth + 1 })
    : undefined;
}

function properties(source: JsonSchema, target: JsonSchema, { at, depth }: Place): string | undefined {
  const [have, want] = [source["properties"], target["properties"]];
  // Only a source that lists its properties says which it lacks.
  if (!isSchema(have) || !isSchema(want)) return undefined;
  const required = isList(target["required"]) ? target["required"] : [];
  const open = source["additionalProperties"] === true || isSchema(source["additionalProperties"]);
  for (const [key, wanted] of Object.entries(want)) {
    const given = have[key];
    const inner = `${at}/${key}`;
    if (given === undefined && required.includes(key) && !open)
      return `property ${inner} is required and missing`;
    if (!isSchema(given) || !isSchema(wanted)) continue;
    const why = mismatch(given, wanted, { at: inner, depth: depth + 1 });
    if (why !== undefined) return why;
  }
  return undefined;
}

function choicesOf(schema: JsonSchema): JsonSchema[] {
  const choices = schema["anyOf"] ?? schema["oneOf"];
  if (isList(choices)) return choices.filter(isSchema);
  const { type } = schema;
  return isList(type) ? type.map((word) => ({ ...schema, type: word })) : [schema];
}

function differs(from: JsonSchema, to: JsonSchema, { at }: Place): string {
  const where = at ? ` at ${at}` : "";
  return `${words(to)} is wanted${where}, and this gives ${words(from)}`;
}

function words(schema: JsonSchema): string {
  return [...new Set(choicesOf(schema).map((choice) => wordFor(choice) ?? "value"))].join(" or ");
}

/** Whole numbers are numbers: whether one is whole shows only when it is there. */
function wordFor(schema: JsonSchema): string | undefined {
  const word = typeWord(schema);
  return word === "integer" ? "number" : word;
}
