/** What the floor reads: parsed as JSON and believed, for checking is what a floor leaves out. */
import type { Work } from "../harness/adapter.ts";
import type { StepMessage } from "./messages.ts";

export function parseFrame(line: string): readonly StepMessage[] {
  return JSON.parse(line) as readonly StepMessage[];
}

export function parseWork(body: string): Work {
  return JSON.parse(body) as Work;
}

export function parseAnswer(body: string): { readonly output: number } {
  return JSON.parse(body) as { readonly output: number };
}
