/** `af mock-llm` as a process of its own: its address for each provider, and what it was asked. */
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { bin } from "./dev-process.ts";
import { type Calls, type Listening, parseCalls, parseListening } from "./parse-mock.ts";

export interface MockProcess extends Listening {
  /** What it was asked since call number `after`. */
  calls(after?: number): Promise<Calls["calls"]>;
  end(): Promise<number | null>;
}

export async function startMockLlm(script: string): Promise<MockProcess> {
  const child = spawn(process.execPath, [bin, "mock-llm", path.basename(script), "--json"], {
    cwd: path.dirname(script),
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  const listening = parseListening(await firstLine(child));
  return {
    ...listening,
    async calls(after = 0) {
      const answer = await fetch(`${listening.url}/_calls`);
      return parseCalls(await answer.text()).calls.filter(({ n }) => n > after);
    },
    end() {
      child.kill("SIGINT");
      return exited;
    },
  };
}

/** Its later lines are read and dropped: a full pipe would stop it. */
function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    let said = "";
    child.stderr?.on("data", (piece: Buffer) => (said += piece.toString("utf8")));
    child.stdout?.on("data", (piece: Buffer) => {
      if (text.includes("\n")) return;
      text += piece.toString("utf8");
      const [line] = text.split("\n");
      if (text.includes("\n") && line !== undefined) resolve(line);
    });
    child.once("close", (code) => reject(new Error(`af mock-llm ended with ${code}\n${text}${said}`)));
  });
}
