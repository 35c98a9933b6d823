/**
 * The main job in one go: an empty folder, a scaffolded project, an installation, a run on real input, its
 * result,
 * trace and logs, and a clean end. Every line that begins with `$` is a command that a person can type.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseReady, type Ready } from "./parse-ready.ts";

const root = path.resolve(import.meta.dirname, "../..");
const af = path.join(root, "packages/cli/bin/run.js");
const readyWithinMs = 30_000;

class Demo {
  readonly #folder = mkdtempSync(path.join(os.tmpdir(), "agentflow-demo-"));
  readonly #project = path.join(this.#folder, "license-check");
  #dev: ChildProcess | undefined;

  async run(): Promise<void> {
    console.log(
      "AgentFlow: from an empty folder to a finished, explained run. No key, no account, no Docker.\n",
    );
    await this.#af(["init", "license-check", "--template", "repo-report", "--yes", "--no-git"], this.#folder);
    await this.#af(["validate"]);
    await this.#startDev();
    const input = JSON.stringify({ lockfile: path.join(root, "package-lock.json"), out: "report" });
    await this.#af(["run", "repo-report", "--input", input]);
    this.#showReport();
    await this.#af(["trace", "@last"]);
    await this.#af(["logs", "--run", "@last", "--tail", "12"]);
    await this.#af(["why", "@last"]);
    await this.#stopDev();
  }

  async clean(): Promise<void> {
    if (this.#dev !== undefined) await this.#stopDev();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #af(args: readonly string[], cwd = this.#project): Promise<void> {
    console.log(`\n$ af ${args.map(shown).join(" ")}`);
    const child = spawn(process.execPath, [af, ...args], { cwd, stdio: ["ignore", "inherit", "inherit"] });
    const code = await exitOf(child);
    if (code !== 0) throw new Error(`af ${args[0]} ended with exit code ${code}`);
  }

  async #startDev(): Promise<void> {
    console.log("\n$ af dev --port 0 &");
    const dev = spawn(process.execPath, [af, "dev", "--port", "0", "--json"], {
      cwd: this.#project,
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#dev = dev;
    const ready = await this.#readyLine(dev);
    const { readyMs, url, tools, durability } = ready;
    console.log(`ready in ${Math.round(readyMs)} ms at ${url}: ${tools.length} tools, state ${durability}`);
  }

  #readyLine(dev: ChildProcess): Promise<Ready> {
    return new Promise((resolve, reject) => {
      let text = "";
      const timer = setTimeout(() => reject(new Error("af dev did not get ready")), readyWithinMs);
      const done = (work: () => void): void => {
        clearTimeout(timer);
        work();
      };
      dev.once("exit", (code) =>
        done(() => reject(new Error(`af dev ended with exit code ${code}: ${text}`))),
      );
      dev.stdout?.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8");
        const line = text.split("\n").find((part) => part.includes('"kind":"ready"') && part.endsWith("}"));
        if (line === undefined) return;
        done(() => resolve(parseReady(line)));
      });
    });
  }

  #showReport(): void {
    const report = readFileSync(path.join(this.#project, "report", "report.md"), "utf8");
    const lines = report.split("\n");
    console.log("\n$ head -n 24 report/report.md");
    console.log(lines.slice(0, 24).join("\n"));
    if (lines.length > 24) console.log(`… ${lines.length - 24} more lines`);
  }

  async #stopDev(): Promise<void> {
    const dev = this.#dev;
    this.#dev = undefined;
    if (dev === undefined) return;
    dev.stdout?.resume();
    dev.kill("SIGINT");
    const code = await exitOf(dev);
    console.log(`\naf dev stopped, exit code ${code}; nothing is left running.`);
  }
}

function exitOf(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

function shown(arg: string): string {
  return /^[A-Za-z0-9@._/-]+$/.test(arg) ? arg : `'${arg}'`;
}

const demo = new Demo();
try {
  await demo.run();
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await demo.clean();
}
