/** Messages between the read model's thread and its owner: both ends are this package, of one build. */
import type { ReadCall, ReadCalls } from "./read-calls.ts";

export interface ReadAsk {
  readonly id: number;
  readonly name: ReadCall;
  readonly ask: ReadCalls[ReadCall]["ask"];
}

export type ReadReply =
  | { readonly id: number; readonly ok: true; readonly answer: ReadCalls[ReadCall]["answer"] }
  | {
      readonly id: number;
      readonly ok: false;
      readonly message: string;
      /** The file itself is not as SQLite wrote it. */
      readonly damaged: boolean;
    };

export function parseReadAsk(message: unknown): ReadAsk | "close" {
  return message as ReadAsk | "close";
}

export function parseReadReply(message: unknown): ReadReply {
  return message as ReadReply;
}

export function parseReadModelPath(data: unknown): string {
  return (data as { readonly path: string }).path;
}
