/** After the end: every commit as the log keeps it, with its fence, and every history as the API tells it. */
import { writeFileSync } from "node:fs";
import type { Client } from "@agentflow/sdk/client";
import { connect, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { readHistory } from "../kills/history.ts";

const stream = "AF_LOG_0";
const batch = 500;
const fenceHeader = "Nats-Expected-Last-Subject-Sequence";

/** One line a commit, in the order of the log. */
export async function dumpLog(servers: string, file: string): Promise<void> {
  const nc = await connect({ servers: servers.split(","), timeout: 10_000 });
  const lines: string[] = [];
  try {
    for (let seq = 1; ; ) {
      const page = await pageOf(nc, seq);
      for (const message of page) lines.push(lineOf(message));
      const last = page.at(-1);
      if (last === undefined) break;
      seq = Number(last.headers?.get("Nats-Sequence")) + 1;
    }
  } finally {
    await nc.close();
  }
  writeFileSync(file, `${lines.join("\n")}\n`);
}

async function pageOf(nc: NatsConnection, seq: number): Promise<Msg[]> {
  const body = JSON.stringify({ batch, seq, next_by_subj: "af.log.*.*.run.*" });
  const found: Msg[] = [];
  const answers = await nc.requestMany(`$JS.API.DIRECT.GET.${stream}`, body, { maxWait: 10_000 });
  for await (const answer of answers) {
    // A status: nothing there, or the end of the batch.
    if (answer.data.length === 0) return found;
    found.push(answer);
  }
  throw new Error(`reading ${stream} from ${seq}: the answer broke off`);
}

function lineOf({ headers, data }: Msg): string {
  const fence = headers?.get(fenceHeader) ?? "";
  const sequence = Number(headers?.get("Nats-Sequence"));
  const run = headers?.get("Nats-Subject").split(".").at(-1);
  const atMs = Date.parse(headers?.get("Nats-Time-Stamp") ?? "");
  const facts = { run, sequence, fence: fence === "" ? null : Number(fence), atMs };
  return `${JSON.stringify(facts).slice(0, -1)},"commit":${Buffer.from(data).toString("utf8")}}`;
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
  writeFileSync(file, `${lines.join("\n")}\n`);
}
