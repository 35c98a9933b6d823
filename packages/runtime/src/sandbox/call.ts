/** One call in a sandbox, from first frame to end. What comes out of it is believed as little as can be. */
import type { Clock } from "@agentflow/host/clock";
import { type Instant, type LivePart, type LogRecord, type SpanRecord, instant } from "@agentflow/protocol";
import { openChannel } from "../channel/frames.ts";
import { parseFromRunner } from "../channel/parse-messages.ts";
import type { Call, CallEnd, ToRunner } from "../channel/runner-messages.ts";
import { lineReader } from "../worker/output-lines.ts";
import type { RunningCall } from "../worker/runner-pool.ts";
import type { CallLost, OnParts } from "../worker/runner-port.ts";
import { EgressDoor } from "./egress.ts";
import { type SandboxEnding, checkedEnd, whyEnded } from "./ending.ts";
import type { OpenSandbox, SandboxRequest, SandboxSource } from "./source.ts";

export interface SandboxCall {
  readonly source: SandboxSource;
  readonly request: SandboxRequest;
  readonly call: Call;
  readonly projectDir: string;
  /** Of the code that serves now. */
  readonly code: string;
  /** Half done it may have been done: then only a person can say. */
  readonly isIrreversible: boolean;
  readonly clock: Clock;
  readonly onParts: OnParts | undefined;
  tell(records: readonly (LogRecord | SpanRecord)[]): void;
}

/** What it may print, and what it may say in frames. */
const printedBytesMax = 16 * 1024 * 1024;
const saidBytesMax = 64 * 1024 * 1024;
const recordsMax = 10_000;

/** Throws `sandbox_unavailable`: then the call was not made. */
export async function openSandboxCall(
  of: SandboxCall,
  signal: AbortSignal,
): Promise<RunningCall | undefined> {
  const session = new Session(of);
  const sandbox = await of.source.open(of.request, (chunk) => session.print(chunk));
  if (signal.aborted) {
    sandbox.kill();
    return undefined;
  }
  return session.start(sandbox);
}

class Session {
  readonly #of: SandboxCall;
  readonly #settled = Promise.withResolvers<CallEnd | CallLost>();
  readonly #lines: ReturnType<typeof lineReader>;
  #sandbox: OpenSandbox | undefined;
  #why: SandboxEnding = {};
  #printed = 0;
  #said = 0;
  #records = 0;
  #egress: EgressDoor | undefined;
  #began: { readonly at: Instant; readonly ms: number } | undefined;

  constructor(of: SandboxCall) {
    this.#of = of;
    this.#lines = lineReader((text) => this.#tell([this.#line(text)]));
  }

  print(chunk: Buffer): void {
    this.#printed += chunk.length;
    if (this.#printed <= printedBytesMax) this.#lines.feed(chunk);
    else this.#end({ flood: `it printed more than ${printedBytesMax / 1024 / 1024} MiB` });
  }

  start(sandbox: OpenSandbox): RunningCall {
    const { call, projectDir, code, clock } = this.#of;
    this.#sandbox = sandbox;
    this.#began = { at: instant(clock.now()), ms: clock.monotonic() };
    sandbox.stream.on("data", (chunk: Buffer) => this.#count(chunk));
    const channel = openChannel(sandbox.stream, (message) => this.#receive(message));
    const say = (message: ToRunner): void => channel.send(message);
    void channel.closed.then(() => this.#onSilence());
    void sandbox.exited.then((exit) => {
      this.#lines.end();
      this.#settle(
        whyEnded({ ...this.#why, exit, began: this.#said > 0 }, { ...this.#of, applied: sandbox.applied }),
      );
    });
    try {
      const { network } = this.#of.request;
      if (network.length > 0) this.#egress = this.#door(network, sandbox, say);
      say(["configure", { projectDir, filesDir: "/tmp", ...(network.length > 0 ? { egress: true } : {}) }]);
      say(["call", 1, call]);
    } catch (error) {
      sandbox.kill();
      throw error;
    }
    return {
      end: this.#settled.promise,
      code,
      sandbox: sandbox.applied,
      stop: (reason) => say(["stop", 1, reason]),
      kill: (reason) => this.#end({ killed: reason }),
    };
  }

  #receive(raw: Parameters<typeof parseFromRunner>[0]): void {
    const message = parseFromRunner(raw);
    switch (message[0]) {
      case "done":
        if (message[1] === 1) this.#settle(checkedEnd(message[2], this.#of.call));
        return;
      case "broken":
        this.#why = { ...this.#why, broken: message[1].message };
        this.#sandbox?.kill();
        return;
      case "uncaught":
        this.#why = { ...this.#why, uncaught: message[1].slice(0, 1_000) };
        return;
      case "tele":
        this.#tell(message[1]);
        return;
      case "part":
        if (message[1] === 1) this.#of.onParts?.(message[2].filter(isProgress));
        return;
      case "dial":
      case "send":
      case "hang":
        this.#egress?.receive(message);
        return;
      default:
        return;
    }
  }

  #door(allowed: readonly string[], { stream }: OpenSandbox, say: (message: ToRunner) => void): EgressDoor {
    return new EgressDoor({
      allowed,
      say,
      waiting: () => stream.writableLength,
      room: () => new Promise((resolve) => stream.once("drain", resolve)),
      denied: (why) => this.#tell([{ ...this.#line(`egress denied: ${why}`), level: "warn" }]),
    });
  }

  #count(chunk: Buffer): void {
    this.#said += chunk.length;
    if (this.#said > saidBytesMax)
      this.#end({ flood: `it said more than ${saidBytesMax / 1024 / 1024} MiB` });
  }

  /** Its channel closes when it ends; one that it broke, or closed itself, could never answer again. */
  #onSilence(): void {
    if ((this.#sandbox?.stream.errored ?? null) !== null) this.#why = { badFrame: true, ...this.#why };
    this.#sandbox?.kill();
  }

  #end(why: SandboxEnding): void {
    this.#why = { ...why, ...this.#why };
    this.#sandbox?.kill();
  }

  /** The first word counts; nothing of it lives on after that. */
  #settle(end: CallEnd | CallLost): void {
    const { clock } = this.#of;
    const { at, ms } = this.#began ?? { at: instant(clock.now()), ms: clock.monotonic() };
    const took = Math.max(0, Math.round((clock.monotonic() - ms) * 100) / 100);
    this.#egress?.close();
    this.#settled.resolve(end.kind === "lost" ? end : { ...end, startedAt: at, ms: took });
    this.#sandbox?.kill();
  }

  /** As said by this call and by nobody else, whatever the records claim. */
  #tell(records: readonly (LogRecord | SpanRecord)[]): void {
    const { call, tell } = this.#of;
    const { run, step, attempt, name, trace } = call;
    const kept: (LogRecord | SpanRecord)[] = [];
    for (const record of records) {
      if (this.#records++ >= recordsMax) break;
      const place = { run, step, attempt };
      if (record.kind === "span") {
        if (record.trace === trace) kept.push({ ...record, ...place });
        continue;
      }
      const { at, level, message, fields, stream } = record;
      const more = {
        ...(fields === undefined ? {} : { fields }),
        ...(stream === undefined ? {} : { stream }),
        ...(trace === undefined ? {} : { trace }),
      };
      kept.push({ kind: "log", at, level, source: "tool", name, message, ...place, ...more });
    }
    if (kept.length > 0) tell(kept);
  }

  /** Its stdout and stderr are one. */
  #line(text: string): LogRecord {
    const at = instant(this.#of.clock.now());
    return { kind: "log", at, level: "info", source: "tool", message: text, stream: "stderr" };
  }
}

function isProgress(part: LivePart): boolean {
  return part.kind === "progress";
}
