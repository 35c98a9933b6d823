/** Runs the real command in a process of its own; stdout, stderr and exit code come back apart. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const bin = fileURLToPath(new URL("../bin/run.js", import.meta.url));

/** What the user of this machine has set is nobody's concern here. */
const noConfig = "/nonexistent";

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

export interface RunOptions {
  readonly cwd: string;
  readonly stdin?: string;
  readonly environment?: { readonly [name: string]: string };
  /** After which it is killed; a minute when nothing is said. */
  readonly limitMs?: number;
  /** Called with the child's id once it runs. */
  readonly onStart?: (pid: number) => void;
}

export function runAf(args: readonly string[], options: RunOptions): Promise<Ran> {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: options.cwd,
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      XDG_CONFIG_HOME: noConfig,
      ...options.environment,
    },
    stdio: "pipe",
    timeout: options.limitMs ?? 60_000,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
  // One that has ended by then reads nothing.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.stdin ?? "");
  if (child.pid !== undefined) options.onStart?.(child.pid);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ stdout, stderr, code }));
  });
}

/** The words of a command line as a shell splits them: quotes and nothing else. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? "",
  );
}
