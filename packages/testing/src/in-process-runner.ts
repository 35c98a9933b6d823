/** A runner without a process: user code runs here, through the same calls as in a real runner. */
import type { Manifest } from "@agentflow/protocol";
import {
  type Call,
  type CallEnd,
  type CallLost,
  type LoadedProject,
  type ModelCall,
  type OnParts,
  type Runner,
  type RunnerEvents,
  type StartRunner,
  createCalls,
} from "@agentflow/runtime";

export interface InProcessRunners {
  readonly start: StartRunner;
  /** Calls of user code that have not answered. */
  readonly open: () => number;
  /** Ends the current runner as if its process had died: its calls are lost, the worker starts another. */
  kill(): void;
}

export function inProcessRunners(
  project: () => Promise<LoadedProject>,
  projectDir: string,
): InProcessRunners {
  let pid = 1;
  let open = 0;
  let current: InProcessRunner | undefined;
  return {
    start(events) {
      current = new InProcessRunner({
        pid: pid++,
        project,
        projectDir,
        events,
        count: (by) => void (open += by),
      });
      return current;
    },
    open: () => open,
    kill: () => current?.kill("killed_by_test"),
  };
}

interface Options {
  readonly pid: number;
  readonly project: () => Promise<LoadedProject>;
  readonly projectDir: string;
  readonly events: RunnerEvents;
  readonly count: (by: number) => void;
}

interface OpenCall {
  settle(end: CallEnd | CallLost): void;
  readonly onParts: OnParts;
}

class InProcessRunner implements Runner {
  readonly pid: number;
  readonly loaded: Runner["loaded"];
  readonly exited: Promise<string>;
  readonly #open = new Map<number, OpenCall>();
  readonly #options: Options;
  readonly #calls: Promise<ReturnType<typeof createCalls>>;
  #exit: (reason: string) => void = () => {};
  #nextId = 1;
  #gone = false;

  constructor(options: Options) {
    this.#options = options;
    this.pid = options.pid;
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
    const project = options.project();
    this.loaded = project.then(({ manifest }): { manifest: Manifest } => ({ manifest }));
    this.#calls = project.then((loaded) =>
      createCalls({
        project: loaded,
        projectDir: options.projectDir,
        done: (id, end) => this.#settle(id, end),
        tell: (record) => options.events.tele([record]),
        part: (id, parts) => this.#open.get(id)?.onParts(parts),
      }),
    );
  }

  call(
    call: Call | ModelCall,
    onId: (id: number) => void,
    onParts: OnParts = () => {},
  ): Promise<CallEnd | CallLost> {
    const id = this.#nextId++;
    onId(id);
    return new Promise((resolve) => {
      if (this.#gone) {
        resolve({ kind: "lost", reason: "runner_gone" });
        return;
      }
      this.#options.count(1);
      this.#open.set(id, { settle: resolve, onParts });
      void this.#calls.then((calls) => calls.call(id, call));
    });
  }

  stop(id: number, reason: string): void {
    void this.#calls.then((calls) => calls.stop(id, reason));
  }

  inspect(): void {
    // The debugger of the test's own process sees this code already.
  }

  retire(): void {
    if (this.#open.size === 0) this.kill("retired");
  }

  kill(reason: string): void {
    this.#gone = true;
    for (const id of Array.from(this.#open.keys())) this.#settle(id, { kind: "lost", reason });
    this.#exit(reason);
  }

  #settle(id: number, end: CallEnd | CallLost): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    this.#options.count(-1);
    open.settle(end);
  }
}
