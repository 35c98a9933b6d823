/** Every line that a tool prints, as it comes: for who looks for the cause of something. */
import type { Output } from "../output/output.ts";
import { bold, dim } from "../output/text.ts";

export interface EveryLine {
  step(text: string): void;
  line(text: string): void;
  close(): void;
}

export function everyLine(output: Output): EveryLine {
  return {
    step: (text) => output.say(bold(text)),
    line: (text) => output.say(dim(text)),
    close: () => undefined,
  };
}
