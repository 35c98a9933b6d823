/** Writes server-sent messages: one write a turn, and an end to what its reader does not take. */
import type { Stop, Timers } from "@agentflow/host/clock";
import type { ServerResponse } from "node:http";
import type { ServerLimits } from "./limits.ts";

export interface SseMessage {
  readonly event: string;
  readonly data: string;
  readonly id?: string;
}

/** How fast the reader takes what it is sent. */
export interface Pace {
  readonly isBehind: boolean;
  /** Resolves once it is not behind, or gone. */
  ready(): Promise<void>;
}

export type Send = (message: SseMessage) => void;

interface WriterOptions {
  readonly limits: ServerLimits;
  readonly timers: Timers;
  readonly headers: { readonly [name: string]: string };
  /** Aborted when there is no use in more messages. */
  readonly gone: AbortController;
}

export const streamHeaders: { readonly [name: string]: string } = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "x-accel-buffering": "no",
};

const behindShare = 16;

export class SseWriter implements Pace {
  readonly #to: ServerResponse;
  readonly #options: WriterOptions;
  #text: string[] = [];
  #bytes = 0;
  #over = false;
  #stopAlive: Stop = () => undefined;

  constructor(to: ServerResponse, options: WriterOptions) {
    this.#to = to;
    this.#options = options;
  }

  get begun(): boolean {
    return this.#to.headersSent;
  }

  /** The reader takes it slower than it comes: what may be left out, should be. */
  get isBehind(): boolean {
    return this.#to.writableLength + this.#bytes > this.#options.limits.streamBytesMax / behindShare;
  }

  async ready(): Promise<void> {
    while (this.isBehind && !this.#to.destroyed && !this.#to.writableEnded) {
      // What was sent in this turn is written at its end.
      if (this.#text.length > 0) this.#flush();
      if (this.#to.writableLength === 0) return;
      await new Promise<void>((resolve) => {
        const end = (): void => {
          this.#to.off("drain", end).off("close", end);
          resolve();
        };
        this.#to.on("drain", end).on("close", end);
      });
    }
  }

  begin(): void {
    if (this.begun || this.#to.destroyed) return;
    this.#to.writeHead(200, { ...streamHeaders, ...this.#options.headers });
    this.#to.write(": follows\n\n");
    const { timers, limits } = this.#options;
    this.#stopAlive = timers.every(limits.keepAliveMs, () => this.#to.write(": still here\n\n"));
    this.#to.once("close", () => this.#stopAlive());
  }

  /** A reader that is too far behind gets what is written already, then the end: it resumes by cursor. */
  send({ event, data, id }: SseMessage): void {
    if (this.#over || this.#to.destroyed) return;
    const text = `event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`;
    if (this.#text.length === 0) queueMicrotask(() => this.#flush());
    this.#text.push(text);
    this.#bytes += text.length;
    if (this.#to.writableLength + this.#bytes <= this.#options.limits.streamBytesMax) return;
    this.#options.gone.abort();
    this.end();
  }

  end(last?: SseMessage): void {
    if (this.#over) return;
    if (last !== undefined) this.send(last);
    this.#over = true;
    this.#flush();
    this.#stopAlive();
    if (this.#to.destroyed) return;
    this.#to.end();
    const { timers, limits } = this.#options;
    this.#to.once(
      "close",
      timers.after(limits.stallMs, () => this.#to.destroy()),
    );
  }

  #flush(): void {
    const text = this.#text.join("");
    this.#text = [];
    this.#bytes = 0;
    if (this.#to.destroyed || this.#to.writableEnded) return;
    this.begin();
    if (text !== "") this.#to.write(text);
  }
}
