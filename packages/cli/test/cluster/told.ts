/** `af` as a user has it, each word of it kept: what was said is shown where something else was expected. */
import { appendFileSync } from "node:fs";
import { type ChildProcess, spawn } from "node:child_process";
import { bin, type Ran, runAf } from "../run-af.ts";

export interface Teller {
  /** Fails with all that it said when it ends otherwise. */
  af(exit: number, ...words: readonly string[]): Promise<Ran>;
  /** Runs on until it is ended; `said` grows. */
  begin(...words: readonly string[]): Running;
}

export interface Running {
  readonly child: ChildProcess;
  readonly said: { stdout: string; stderr: string };
  readonly ended: Promise<number | null>;
}

export interface TellerOf {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A slow cluster takes its time: this only ends what hangs. */
const limitMs = 30 * 60_000;

export function teller({ cwd, environment }: TellerOf): Teller {
  const variables = { ...environment, NO_COLOR: "1" };
  return {
    async af(exit, ...words) {
      const ran = await runAf(words, { cwd, environment: variables, limitMs });
      const told = `$ af ${words.join(" ")}\n${ran.stderr}${ran.stdout}[exit ${ran.code}]\n`;
      keep(told);
      if (ran.code !== exit) throw new Error(`exit ${exit} was expected:\n${told}`);
      return ran;
    },
    begin(...words) {
      const child = spawn(process.execPath, [bin, ...words], {
        cwd,
        env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...variables },
        stdio: ["ignore", "pipe", "pipe"],
      });
      const said = { stdout: "", stderr: "" };
      child.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString("utf8")));
      child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString("utf8")));
      const ended = new Promise<number | null>((resolve) => {
        child.once("close", (code, signal) => {
          keep(`$ af ${words.join(" ")}\n${said.stderr}${said.stdout}[${signal ?? `exit ${code}`}]\n`);
          resolve(code);
        });
      });
      return { child, said, ended };
    },
  };
}

/** The whole story, for whoever wants to read it: AF_TEST_TRANSCRIPT names the file. */
function keep(told: string): void {
  const file = process.env["AF_TEST_TRANSCRIPT"];
  if (file !== undefined && file !== "") appendFileSync(file, `${told}\n`);
}
