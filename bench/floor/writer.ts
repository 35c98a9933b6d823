/** The floor's disk: a thread that commits whatever has gathered in one transaction, then acknowledges it. */
import { DatabaseSync } from "node:sqlite";
import path from "node:path";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { WriterMessage } from "./messages.ts";

const port = parentPort;
if (port === null) throw new Error("the writer is a worker thread");

const dir = String(workerData);
const log = new DatabaseSync(path.join(dir, "log.db"));
log.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-4096");
log.exec(
  "CREATE TABLE log(revision INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, body TEXT NOT NULL)",
);
log.exec("CREATE INDEX log_run ON log(run, revision)");
const append = log.prepare("INSERT INTO log(run, body) VALUES(?, ?)");
const begin = log.prepare("BEGIN IMMEDIATE");
const commit = log.prepare("COMMIT");

const read = new DatabaseSync(path.join(dir, "read.db"));
read.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-4096");
read.exec(
  "CREATE TABLE runs(run TEXT PRIMARY KEY, kind TEXT, status TEXT, startedAt INTEGER, endedAt INTEGER)",
);
read.exec("CREATE INDEX runs_status ON runs(status, startedAt)");
read.exec("CREATE INDEX runs_kind ON runs(kind, startedAt)");
const upsert = read.prepare("INSERT OR REPLACE INTO runs VALUES(?, ?, ?, ?, ?)");

port.on("message", (first: WriterMessage) => {
  const appended: number[] = [];
  const project: WriterMessage[] = [];
  begin.run();
  for (let message: WriterMessage | undefined = first; message !== undefined; message = next()) {
    if ("projection" in message) {
      project.push(message);
      continue;
    }
    for (const { run, body } of message.rows) append.run(run, body);
    appended.push(message.id);
  }
  commit.run();
  if (appended.length > 0) port.postMessage(appended);
  for (const message of project) if ("projection" in message) write(message);
});

function next(): WriterMessage | undefined {
  if (port === null) return undefined;
  const received: { message: WriterMessage } | undefined = receiveMessageOnPort(port);
  return received?.message;
}

function write({ projection }: Extract<WriterMessage, { projection: unknown }>): void {
  read.exec("BEGIN");
  for (const row of projection) upsert.run(row.run, row.kind, row.status, row.startedAt, row.endedAt);
  read.exec("COMMIT");
}
