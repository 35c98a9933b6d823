/** The conditions on a record's text; the same for what is stored and for what just came. */
import { linearPattern } from "@agentflow/host/pattern";
import type { TelemetryQuery } from "./read-rows.ts";

type TextQuery = Pick<TelemetryQuery, "grep" | "match" | "exclude">;

/** Undefined where any text will do. Throws `invalid_input` for an expression that is none. */
export function textTest({ grep, match, exclude }: TextQuery): ((text: string) => boolean) | undefined {
  const needle = grep?.toLowerCase();
  const tests: ((text: string) => boolean)[] = [];
  if (needle !== undefined) tests.push((text) => text.toLowerCase().includes(needle));
  if (match !== undefined) tests.push(testOf(match));
  if (exclude !== undefined) {
    const isUnwanted = testOf(exclude);
    tests.push((text) => !isUnwanted(text));
  }
  return tests.length === 0 ? undefined : (text) => tests.every((test) => test(text));
}

function testOf(pattern: string): (text: string) => boolean {
  const { test } = linearPattern(pattern);
  return test;
}
