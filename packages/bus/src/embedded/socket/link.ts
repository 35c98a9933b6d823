import type { Socket } from "node:net";
import { AgentFlowError, toErrorBody } from "@agentflow/protocol";
import { FrameReader, frameLimits, FrameWriter, type Message } from "./frame.ts";
import { operation, socketLimits } from "./operations.ts";

export interface LinkEvents {
  message(message: Message): void;
  /** Called once. `error` says why, when it was not simply the other side that closed. */
  closed(error: AgentFlowError | undefined): void;
}

const lastWordsMs = 1_000;
/** So long a message that nobody waits for may look for company: its own write would wake a process. */
const patienceMs = 4;
const noBodies: readonly string[] = [];

/** A socket that carries messages: everything said in one turn of the loop is one write. */
export class Link {
  readonly #socket: Socket;
  readonly #events: LinkEvents;
  readonly #out = new FrameWriter();
  #scheduled = false;
  #patient: NodeJS.Timeout | undefined;
  #isOpen = true;
  /** Frames longer than this are refused; less than the usual until the other side is known. */
  bytesMax: number = frameLimits.bytesMax;

  constructor(socket: Socket, events: LinkEvents) {
    this.#socket = socket;
    this.#events = events;
    const reader = new FrameReader(
      (message) => {
        if (this.#isOpen) events.message(message);
      },
      () => this.bytesMax,
    );
    socket.on("data", (chunk: Buffer) => {
      if (!this.#isOpen) return;
      try {
        reader.read(chunk);
      } catch (error) {
        this.refuse(AgentFlowError.from(error, "a message"));
      }
    });
    // An error is followed by "close", which is where the end is told.
    socket.on("error", () => {});
    socket.on("close", () => this.#end(undefined));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** True while the other side is behind with reading. */
  get isCongested(): boolean {
    return this.#socket.writableNeedDrain;
  }

  onceDrained(then: () => void): void {
    this.#socket.once("drain", then);
  }

  send(code: number, id: number, facts: unknown, bodies: readonly string[] = noBodies): void {
    if (!this.#isOpen) return;
    this.#out.add({ operation: code, id, facts, bodies });
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** As `send`, but in no hurry: it leaves with the next message that is, or a few milliseconds later. */
  sendSoon(code: number, id: number, facts: unknown): void {
    if (!this.#isOpen) return;
    this.#out.add({ operation: code, id, facts, bodies: noBodies });
    if (!this.#scheduled) this.#patient ??= setTimeout(() => this.#flush(), patienceMs);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says why, then closes. */
  refuse(error: AgentFlowError): void {
    this.send(operation.bye, 0, toErrorBody(error));
    this.#leave(error);
  }

  /** Writes what was said and closes. */
  close(): void {
    this.#leave(undefined);
  }

  /** Closes without a word, as a broken connection would. */
  cut(): void {
    this.#socket.destroy();
    this.#end(undefined);
  }

  #leave(error: AgentFlowError | undefined): void {
    if (!this.#isOpen) return;
    this.#flush();
    this.#socket.destroySoon();
    // Who does not take the last words does not keep the socket open either.
    setTimeout(() => this.#socket.destroy(), lastWordsMs).unref();
    this.#end(error);
  }

  #flush(): void {
    clearTimeout(this.#patient);
    this.#patient = undefined;
    if (!this.#isOpen || this.#out.isEmpty) return;
    const frames = this.#out.take();
    const only = frames[0];
    this.#socket.write(frames.length === 1 && only !== undefined ? only : Buffer.concat(frames));
    if (this.#socket.writableLength <= socketLimits.bytesUnread) return;
    const error = new AgentFlowError("limit_exceeded", "the other side does not read what it is sent", {
      reason: "slow_reader",
      details: { bytesUnread: this.#socket.writableLength },
    });
    this.#socket.destroy();
    this.#end(error);
  }

  #end(error: AgentFlowError | undefined): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearTimeout(this.#patient);
    this.#events.closed(error);
  }
}
