/**
 * A runner that never serves with a secret in its environment: when only its loaded code says that a variable
 * is one, another takes its place before anybody may call it.
 */
import type { Manifest } from "@agentflow/protocol";
import type { RunnerNote } from "../channel/supervisor-messages.ts";
import type { Runner } from "./runner-port.ts";

export interface CleanRunnerOptions {
  /** Starts one with the environment as it is known by then. */
  readonly start: () => Runner;
  /** True when the code named a variable that the environment still had. */
  readonly learn: (manifest: Manifest) => boolean;
  /** Told of processes that the caller of this one never sees. */
  readonly note: (note: RunnerNote) => void;
}

export function cleanRunner({ start, learn, note }: CleanRunnerOptions): Runner {
  const first = start();
  let runner = first;
  const loaded = first.loaded.then((end) => {
    if (!("manifest" in end) || !learn(end.manifest)) return end;
    runner = start();
    note({ pid: runner.pid, state: "started" });
    first.kill("its environment held a secret");
    return runner.loaded;
  });
  const exited = first.exited.then((reason) => {
    if (runner === first) return reason;
    note({ pid: first.pid, state: "exited", reason });
    return runner.exited;
  });
  return {
    get pid() {
      return runner.pid;
    },
    loaded,
    exited,
    call: (call, onId, onParts) => runner.call(call, onId, onParts),
    stop: (id, reason) => runner.stop(id, reason),
    inspect: (port) => runner.inspect(port),
    retire: () => runner.retire(),
    kill(reason) {
      first.kill(reason);
      runner.kill(reason);
    },
  };
}
