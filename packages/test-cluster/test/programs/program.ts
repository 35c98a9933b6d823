/** Runs kubectl or Helm against a test cluster, with a home of its own: no cache of another one is read. */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findHelm } from "./find-helm.ts";
import { findKubectl } from "./find-kubectl.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Program {
  run(args: readonly string[], input?: string): Promise<Ran>;
  /** Calls `seen` with each line until it answers true; then the program is ended. */
  follow(args: readonly string[], seen: (line: string) => boolean): Promise<readonly string[]>;
  close(): void;
}

export async function kubectlFor(kubeconfig: string): Promise<Program> {
  return programFor(await findKubectl(), kubeconfig);
}

/** Rejects where there is no Helm. */
export function helmFor(kubeconfig: string): Program {
  const found = findHelm();
  if ("missing" in found) throw new Error(found.missing);
  return programFor(found.helm, kubeconfig);
}

function programFor(program: string, kubeconfig: string): Program {
  const home = mkdtempSync(join(tmpdir(), "af-program-"));
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, KUBECONFIG: kubeconfig };
  return {
    run: async (args, input = "") =>
      new Promise((done) => {
        const child = execFile(program, [...args], { env, maxBuffer: 64 * 2 ** 20 }, (error, out, err) => {
          const code = typeof error?.code === "number" ? error.code : error === null ? 0 : 1;
          done({ code, out, err });
        });
        child.stdin?.end(input);
      }),
    async follow(args, seen) {
      const child = spawn(program, [...args], { env, stdio: ["ignore", "pipe", "inherit"] });
      const ended = new Promise((done) => child.on("exit", done));
      const lines: string[] = [];
      let rest = "";
      for await (const chunk of child.stdout) {
        const parts = (rest + String(chunk)).split("\n");
        rest = parts.pop() ?? "";
        lines.push(...parts);
        if (parts.some(seen)) break;
      }
      child.kill();
      await ended;
      return lines;
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}
