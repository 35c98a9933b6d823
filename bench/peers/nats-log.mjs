/**
 * `node nats-log.mjs SERVERS FILE [SEED INBOX]`: every commit as the log keeps it, one line each, in its
 * order, with the sequence on which its writer wanted it to stand. It asks the servers themselves and uses
 * nothing of ours.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { connect, nkeyAuthenticator } from "@nats-io/transport-node";

const stream = "AF_LOG_0";
const batch = 500;
/** The log holds a writer to the first; the second is what `--fence-off` makes of it. */
const fences = ["Nats-Expected-Last-Subject-Sequence", "Bench-Fence-Off"];

const [servers = "", file = "", seed, inboxPrefix] = process.argv.slice(2);
const identity =
  seed === undefined
    ? {}
    : { authenticator: nkeyAuthenticator(Buffer.from(readFileSync(seed, "utf8").trim())), inboxPrefix };
const nc = await connect({ servers: servers.split(","), timeout: 10_000, ...identity });
const lines = [];
for (let seq = 1; ; ) {
  const page = await pageFrom(seq);
  for (const message of page) lines.push(lineOf(message));
  const last = page.at(-1);
  if (last === undefined) break;
  seq = Number(last.headers.get("Nats-Sequence")) + 1;
}
await nc.close();
writeFileSync(file, lines.map((line) => `${line}\n`).join(""));

async function pageFrom(seq) {
  const body = JSON.stringify({ batch, seq, next_by_subj: "af.log.*.*.run.*" });
  const found = [];
  const answers = await nc.requestMany(`$JS.API.DIRECT.GET.${stream}`, body, { maxWait: 10_000 });
  for await (const answer of answers) {
    // A status: nothing there, or the end of the batch.
    if (answer.data.length === 0) return found;
    found.push(answer);
  }
  throw new Error(`reading ${stream} from ${seq}: the answer broke off`);
}

function lineOf({ headers, data }) {
  const fence = fences.map((name) => headers.get(name)).find((value) => value !== "");
  const facts = {
    run: headers.get("Nats-Subject").split(".").at(-1),
    sequence: Number(headers.get("Nats-Sequence")),
    fence: fence === undefined ? null : Number(fence),
    atMs: Date.parse(headers.get("Nats-Time-Stamp")),
  };
  return `${JSON.stringify(facts).slice(0, -1)},"commit":${Buffer.from(data).toString("utf8")}}`;
}
