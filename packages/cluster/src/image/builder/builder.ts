/** What both builders are asked, and how they say that a step failed. */
import { stripVTControlCharacters } from "node:util";
import type { ContextFile } from "../context.ts";
import type { Progress } from "../images.ts";

export type BuilderName = "buildx" | "classic";

export interface BuildRequest {
  /** For messages: `agentflow/worker`. */
  readonly image: string;
  /** Tag that it gets. */
  readonly reference: string;
  readonly files: readonly ContextFile[];
  /** Path of the Dockerfile within the context. */
  readonly dockerfile: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** What a build may use and must not keep. */
export interface BuildEnvironment {
  /** HTTP_PROXY and the like, in the spelling in which they were found. */
  readonly proxies: Readonly<Record<string, string>>;
  /** File with the certificates of this network. */
  readonly ca?: string;
  /** The user's .npmrc. */
  readonly npmrc?: string;
}

export interface Builder {
  readonly name: BuilderName;
  build(request: BuildRequest): Promise<void>;
}

/** A step of a Dockerfile that did not succeed, in the builder's words. */
export class StepFailed extends Error {
  override readonly name = "StepFailed";
  /** `RUN npm ci`; empty when the builder named none. */
  readonly step: string;
  /** What it printed last. */
  readonly lines: readonly string[];

  constructor(message: string, step: string, lines: readonly string[]) {
    super(message);
    this.step = step;
    this.lines = lines;
  }
}

/** Keeps what was said last, line by line, and tells it on. */
export class Tail {
  readonly #most: number;
  readonly #lines: string[] = [];
  readonly #onLine: (line: string) => void;
  #rest = "";

  constructor(onLine: (line: string) => void, most = 400) {
    this.#onLine = onLine;
    this.#most = most;
  }

  add(text: string): void {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = (lines.pop() ?? "").slice(-8_192);
    for (const line of lines) this.#take(line);
  }

  end(): readonly string[] {
    if (this.#rest !== "") this.#take(this.#rest);
    this.#rest = "";
    return this.#lines;
  }

  #take(coloured: string): void {
    const line = stripVTControlCharacters(coloured);
    this.#lines.push(line);
    if (this.#lines.length > this.#most) this.#lines.shift();
    this.#onLine(line);
  }
}
