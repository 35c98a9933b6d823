/**
 * Regular expressions whose time is bounded, for commands: they load what servers use only when asked
 * for one.
 */
import type { TextTest } from "../logs/conditions.ts";

export async function patternOf(text: string): Promise<TextTest> {
  const { linearPattern } = await import("@agentflow/host/pattern");
  return linearPattern(text).test;
}
