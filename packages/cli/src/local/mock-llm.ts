/** `af mock-llm`: the servers behind it, started here and stopped by Ctrl-C. */
import { AgentFlowError, isId, secretVariable } from "@agentflow/protocol";
import type { MockCall, Recorded, Replayed } from "@agentflow/runtime/mock-llm";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { findProject } from "../config/installation.ts";

export type { MockCall, Recorded, Replayed };

/** Where a server listens. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface Played {
  readonly url: string;
  readonly baseUrls: { readonly [provider: string]: string };
  readonly rules: number;
  /** A key that the script takes; absent when it takes any. */
  readonly key?: string;
  readonly calls: () => number;
  close(): Promise<void>;
}

export interface PlayOptions extends Place {
  readonly dir: string;
  /** Undefined: answers by itself. */
  readonly script: string | undefined;
  readonly onCall: (call: MockCall) => void;
}

/** Refuses with `invalid_project` a script with faults, naming each. */
export async function playScript({ dir, script, onCall, host, port }: PlayOptions): Promise<Played> {
  const { autoScript, createPlayer, parseScript, startMockLlm } = await import("@agentflow/runtime/mock-llm");
  const read = script === undefined ? autoScript : parseScript(await textOf(dir, script), script);
  const player = createPlayer(read, script ?? "script");
  const server = await startMockLlm({ player, onCall, host, port });
  const [key] = read.keys ?? [];
  return {
    url: server.url,
    baseUrls: server.baseUrls,
    rules: read.rules?.length ?? 0,
    calls: () => server.calls.count,
    close: () => server.close(),
    ...(key === undefined ? {} : { key }),
  };
}

export interface RecordHereOptions extends Place {
  readonly dir: string;
  readonly upstream: string;
  readonly to: string;
  readonly secrets: readonly string[];
  readonly onExchange: (recorded: Recorded) => void;
}

export async function recordHere({ dir, to, secrets, ...rest }: RecordHereOptions) {
  const { startRecorder } = await import("@agentflow/runtime/mock-llm");
  return startRecorder({ ...rest, to: resolve(dir, to), secrets: await hiddenValues(dir, secrets) });
}

export interface ReplayHereOptions extends Place {
  readonly dir: string;
  readonly cassette: string;
  readonly secrets: readonly string[];
  readonly onCall: (replayed: Replayed) => void;
}

export async function replayHere({ dir, cassette, secrets, ...rest }: ReplayHereOptions) {
  const { readCassette, startReplay } = await import("@agentflow/runtime/mock-llm");
  const exchanges = readCassette(await textOf(dir, cassette), cassette);
  if (exchanges.length === 0) {
    throw new AgentFlowError("invalid_input", `${cassette} holds no exchange`, {
      reason: "invalid_cassette",
      suggestions: [`record some: af mock-llm record --upstream URL --to ${cassette}`],
    });
  }
  const server = await startReplay({ ...rest, exchanges, secrets: await hiddenValues(dir, secrets) });
  return { ...server, exchanges: exchanges.length };
}

/** Every secret of the project, and those that were named. */
async function hiddenValues(dir: string, names: readonly string[]): Promise<readonly string[]> {
  const { openSecrets } = await import("@agentflow/host/secrets");
  const store = openSecrets({ projectDir: findProject(dir) ?? dir, environment: process.env });
  const named = names.map((name) => {
    const value = isId("secret", name) ? store.get(name) : store.variable(name);
    if (value !== undefined && value !== "") return value;
    const variable = isId("secret", name) ? secretVariable(name) : name;
    throw new AgentFlowError("invalid_input", `--secret ${name}: nobody has set it`, {
      reason: "secret_missing",
      suggestions: [`set ${variable} in .env or in the environment, or: af secrets set NAME`],
    });
  });
  return [...new Set([...named, ...store.values()])];
}

async function textOf(dir: string, file: string): Promise<string> {
  try {
    return await readFile(resolve(dir, file), "utf8");
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const said = why === "ENOENT" ? "there is no such file" : `cannot be read (${why})`;
    throw new AgentFlowError("not_found", `${file}: ${said}`, {
      reason: "file_missing",
      cause,
      suggestions: ["the path is taken from the folder you are in (or -C)"],
    });
  }
}
