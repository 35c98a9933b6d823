/** After the end: every commit as the log keeps it, and every history as the API tells it. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Client } from "@agentflow/sdk/client";
import { readHistory } from "../kills/history.ts";
import { NODE } from "../lib/children.ts";

const execute = promisify(execFile);
const reader = fileURLToPath(new URL("../peers/nats-log.mjs", import.meta.url));

export async function dumpLog(servers: string, file: string): Promise<void> {
  await execute(NODE, [reader, servers, file]);
}

/** One line a run: revision, number and kind of each event, as somebody reads it who knows only the API. */
export async function dumpViews(client: Client, runs: Iterable<string>, file: string): Promise<void> {
  const lines: string[] = [];
  for (const run of runs) {
    try {
      const { events } = await readHistory(client, run);
      const told = events.map(({ revision, n, event }) => [revision, n, event.kind]);
      lines.push(JSON.stringify({ run, events: told }));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      lines.push(JSON.stringify({ run, events: [], missing: why }));
    }
  }
  writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
}
