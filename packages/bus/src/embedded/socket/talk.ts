import type { EmbeddedBus } from "../open.ts";
import type { Message } from "./frame.ts";
import type { Link } from "./link.ts";

/** Answers one operation: once with `answer` or `fail`, now or later; or throws. */
export type Handler = (message: Message) => void;

/** What one port's handlers bring: by operation, and what to do when the connection is gone. */
export interface Handlers {
  readonly on: Readonly<Record<number, Handler>>;
  readonly gone?: () => void;
}

/** What handlers work with. */
export interface Talk {
  readonly bus: EmbeddedBus;
  readonly link: Link;
  /** How long what it held waits for it to come back. */
  readonly graceMs: number;
  answer(id: number, facts?: unknown, bodies?: readonly string[]): void;
  /** The same for an answer that nobody hurries for. */
  answerSoon(id: number, facts: unknown): void;
  fail(id: number, error: unknown): void;
}
