/**
 * A runner as a child process in a group of its own: frames on fd 3, output read line by line, a reaper
 * beside it.
 */
import type { LogRecord } from "@agentflow/protocol";
import { type ChildProcess, spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { type Channel, openChannel } from "../channel/frames.ts";
import { parseFromRunner } from "../channel/parse-messages.ts";
import type { ModelCall } from "../channel/model-messages.ts";
import type { Call, CallEnd, RunnerConfig, ToRunner } from "../channel/runner-messages.ts";
import type { StrippedFiles } from "../strip/stripped-files.ts";
import { exitReason } from "./exit-reason.ts";
import { lineReader } from "./output-lines.ts";
import type { CallLost, OnParts, Runner, RunnerEvents } from "./runner-port.ts";

export interface RunnerProcessOptions extends Omit<RunnerConfig, "stripped"> {
  /** Awaited while the process starts; without it the runner takes the types off itself. */
  readonly stripped?: Promise<StrippedFiles>;
  /** The file that a runner process starts on. */
  readonly entry: string;
  /** Heap limit of user code, in MiB. */
  readonly memoryMb: number;
  readonly env: { readonly [key: string]: string };
  /** How long loading the project's code may take (60 s). */
  readonly loadTimeoutMs?: number;
}

const loadTimeoutMs = 60_000;
/** Between the end of its channel and its own. */
const leaveMs = 1_000;
/** User code can write to the channel too. */
const uncaughtCharsMax = 1_000;
/** How long what a runner said last may take to arrive once its process is gone. */
const lastWordsMs = 200;

/** Never throws: a runner for which the system has no process ends before it has loaded anything. */
export function startRunnerProcess(options: RunnerProcessOptions, events: RunnerEvents): Runner {
  let child: ChildProcess;
  try {
    child = spawnRunner(options);
  } catch (error) {
    return unstarted(Promise.resolve(error));
  }
  if (child.pid !== undefined) return new RunnerProcess({ child, pid: child.pid }, options, events);
  // What went wrong comes a moment later, as an event that must not go unheard.
  return unstarted(new Promise((resolve) => child.once("error", resolve)));
}

function spawnRunner({ memoryMb, entry, projectDir, env }: RunnerProcessOptions): ChildProcess {
  const flags = [`--max-old-space-size=${memoryMb}`, "--max-semi-space-size=4", "--disable-proto=delete"];
  return spawn(process.execPath, [...flags, entry], {
    cwd: projectDir,
    env: { ...env },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    detached: true,
  });
}

function unstarted(failed: Promise<unknown>): Runner {
  const reason = failed.then((error) => {
    return `runner_not_started: ${error instanceof Error ? error.message : String(error)}`;
  });
  return {
    pid: -1,
    loaded: reason.then((message) => ({ problem: { message }, ended: true })),
    exited: reason,
    call: async () => ({ kind: "lost", reason: await reason }),
    stop: () => {},
    inspect: () => {},
    retire: () => {},
    kill: () => {},
  };
}

interface OpenCall {
  settle(end: CallEnd | CallLost): void;
  readonly onParts: OnParts;
}

class RunnerProcess implements Runner {
  readonly pid: number;
  readonly loaded: Runner["loaded"];
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;
  readonly #channel: Channel;
  readonly #events: RunnerEvents;
  readonly #reaper: ChildProcess;
  readonly #open = new Map<number, OpenCall>();
  #nextId = 1;
  #killReason: string | undefined;
  #uncaught: string | undefined;
  /** The file whose import began last. */
  #loading: string | undefined;
  #settleLoaded: (value: Awaited<Runner["loaded"]>) => void = () => {};

  constructor(
    of: { readonly child: ChildProcess; readonly pid: number },
    options: RunnerProcessOptions,
    events: RunnerEvents,
  ) {
    this.#events = events;
    this.#child = of.child;
    this.pid = of.pid;
    this.#reaper = startReaper(of.pid);
    this.loaded = new Promise((resolve) => {
      this.#settleLoaded = resolve;
    });
    const stream = this.#child.stdio[3];
    if (!(stream instanceof Duplex)) throw new TypeError("fd 3 of a runner is no stream");
    this.#channel = openChannel(stream, (message) => this.#receive(parseFromRunner(message)));
    this.exited = this.#watchExit(options.memoryMb);
    void this.#channel.closed.then(() => this.#onSilence());
    this.#readOutput();
    // Nobody would end what user code starts there, once this process is gone.
    if (this.#reaper.pid === undefined) this.kill("no process for its reaper");
    void this.#configure(options);
    // A debugger may hold the code at its first line for as long as it likes.
    if (options.inspectPort === undefined) this.#limitLoading(options.loadTimeoutMs ?? loadTimeoutMs);
  }

  call(
    call: Call | ModelCall,
    onId: (id: number) => void,
    onParts: OnParts = () => {},
  ): Promise<CallEnd | CallLost> {
    const id = this.#nextId++;
    onId(id);
    return new Promise((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        resolve({ kind: "lost", reason: "runner_gone" });
        return;
      }
      // Said first: an input that is too long for the channel fails its call and leaves nothing behind.
      this.#say(["call", id, call]);
      this.#open.set(id, { settle: resolve, onParts });
    });
  }

  stop(id: number, reason: string): void {
    this.#say(["stop", id, reason]);
  }

  inspect(port: number): void {
    this.#say(["inspect", port]);
  }

  retire(): void {
    this.#say(["retire"]);
  }

  kill(reason: string): void {
    this.#killReason ??= reason;
    killGroup(this.pid);
  }

  async #configure({ projectDir, filesDir, inspectPort, stripped }: RunnerProcessOptions): Promise<void> {
    const files = await stripped;
    this.#say([
      "configure",
      {
        projectDir,
        ...(filesDir === undefined ? {} : { filesDir }),
        ...(inspectPort === undefined ? {} : { inspectPort }),
        ...(files === undefined ? {} : { stripped: files }),
      },
    ]);
  }

  #receive(message: ReturnType<typeof parseFromRunner>): void {
    switch (message[0]) {
      case "ready":
        this.#settleLoaded({ manifest: message[1] });
        return;
      case "broken":
        this.#settleLoaded({ problem: message[1] });
        return;
      case "inspecting":
        this.#events.inspecting(message[1]);
        return;
      case "tele":
        this.#events.tele(message[1]);
        return;
      // Only a sandbox has connections of that kind.
      case "dial":
      case "send":
      case "hang":
        return;
      case "loading":
        this.#loading = message[1];
        return;
      case "uncaught":
        this.#uncaught = message[1].slice(0, uncaughtCharsMax);
        return;
      case "part":
        this.#open.get(message[1])?.onParts(message[2]);
        return;
      case "done":
        this.#open.get(message[1])?.settle(message[2]);
        this.#open.delete(message[1]);
        return;
    }
  }

  /** A runner leaves when its channel closes. One that user code keeps from it could never answer again. */
  #onSilence(): void {
    const timer = setTimeout(() => this.kill("its channel is broken"), leaveMs);
    void this.exited.then(() => clearTimeout(timer));
  }

  /** Code that never comes to its end while it is loaded must not stand in the way of its correction. */
  #limitLoading(ms: number): void {
    const timer = setTimeout(
      () => this.kill(`it did not load within ${ms / 1_000} s (a loop or a wait at the top of a file?)`),
      ms,
    );
    void this.loaded.then(() => clearTimeout(timer));
  }

  #watchExit(memoryMb: number): Promise<string> {
    return new Promise((resolve) => {
      const gone = (reason: string): void => {
        // Children that user code left behind belong to the group: they go with it.
        killGroup(this.pid);
        this.#reaper.stdin?.end();
        for (const { settle } of this.#open.values()) settle({ kind: "lost", reason });
        this.#open.clear();
        const message = `the runner ended while it loaded the code: ${reason}`;
        const file = this.#loading === undefined ? {} : { file: this.#loading };
        this.#settleLoaded({ problem: { message, ...file }, ended: true });
        resolve(reason);
      };
      this.#child.once("error", (error) => gone(`runner_not_started: ${error.message}`));
      this.#child.once("exit", (code, signal) => {
        killGroup(this.pid);
        void this.#lastWords().then(() => {
          const [killed, uncaught] = [this.#killReason, this.#uncaught];
          gone(exitReason({ killed, uncaught, code, signal, memoryMb }));
        });
      });
    });
  }

  /** What lies in the channel when the process ends is read before its calls count as lost. */
  async #lastWords(): Promise<void> {
    const late = new AbortController();
    const tooLate = delay(lastWordsMs, undefined, { signal: late.signal, ref: false }).catch(() => {});
    await Promise.race([this.#channel.closed, tooLate]);
    late.abort();
  }

  #readOutput(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      const read = lineReader((text) => {
        const record: LogRecord = {
          kind: "log",
          at: new Date().toISOString(),
          level: stream === "stdout" ? "info" : "warn",
          source: "runner",
          message: text,
          stream,
        };
        this.#events.tele([record]);
      });
      this.#child[stream]?.on("data", read.feed);
      this.#child[stream]?.once("end", read.end);
    }
  }

  #say(message: ToRunner): void {
    this.#channel.send(message);
  }
}

function killGroup(pid: number): void {
  if (pid <= 1) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group is empty already.
  }
}

/**
 * A shell of a megabyte that waits on a pipe from this process and then kills the runner's group: it works
 * when
 * this process was killed with -9, when user code blocks its loop, and for children that user code started.
 */
function startReaper(group: number): ChildProcess {
  const reaper = spawn("/bin/sh", ["-c", `read _; kill -KILL -${group} 2>/dev/null`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  reaper.on("error", () => {});
  reaper.stdin?.on("error", () => {});
  reaper.unref();
  return reaper;
}
