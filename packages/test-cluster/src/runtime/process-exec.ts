/** A program started beside that of a container; with a terminal when `script` of this host can make one. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { Execution } from "../pods.ts";
import type { Ended } from "./runtime.ts";

export interface Executed {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly tty: boolean;
  readonly stdin: boolean;
  /** Of the container that it runs in: it ends with it. */
  readonly ended: Promise<Ended>;
}

export function processExecution(what: Executed): Promise<Execution> {
  const { cwd, env, tty } = what;
  const [file, ...args] = tty ? inTerminal(what) : [what.file, ...what.args];
  if (file === undefined) return Promise.reject(new Error("no command specified"));
  const child = spawn(file, args, {
    cwd,
    env,
    detached: true,
    stdio: [what.stdin || tty ? "pipe" : "ignore", "pipe", "pipe"],
  });
  const kill = () => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has gone.
    }
  };
  void what.ended.then(kill);
  const listeners: ((stream: "stdout" | "stderr", chunk: Buffer) => void)[] = [];
  const tell = (stream: "stdout" | "stderr") => (chunk: Buffer) => {
    for (const listener of listeners) listener(stream, chunk);
  };
  child.stdout?.on("data", tell("stdout"));
  child.stderr?.on("data", tell(tty ? "stdout" : "stderr"));
  child.stdin?.on("error", () => undefined);
  const ended = new Promise<{ exitCode: number } | { error: string }>((resolve) => {
    child.once("error", (error) => resolve({ error: error.message }));
    child.once("close", (code, signal) =>
      resolve({ exitCode: code ?? 128 + (signal === null ? 0 : constants.signals[signal]) }),
    );
  });
  return Promise.resolve({
    stdin: {
      write: (chunk) => void child.stdin?.write(chunk),
      end: () => void child.stdin?.end(),
    },
    onOutput: (listener) => void listeners.push(listener),
    ended,
    kill,
  });
}

function inTerminal({ file, args }: Executed): string[] {
  const quoted = [file, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  return ["script", "-qefc", quoted, "/dev/null"];
}
