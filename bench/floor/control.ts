/**
 * The floor: what start-and-wait over HTTP must cost when nothing is decided. A request is parsed, two rows a
 * step are on disk before anybody hears of them (the task before it is handed out, the result before it is
 * used), a worker process does the step, a row is projected. No plan, no validation, no retry, no token.
 * node floor/control.ts DIR: prints its port once the worker is there.
 */
import { spawn } from "node:child_process";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { Worker } from "node:worker_threads";
import type { Work } from "../harness/adapter.ts";
import { type Link, openLink } from "./frames.ts";
import { parseWork } from "./parse-floor.ts";
import type { LogRow, ProjectionRow, StepMessage, WriterMessage } from "./messages.ts";

interface Run extends Work {
  readonly id: string;
  readonly startedAt: number;
  readonly answer: (value: number) => void;
  value: number;
  left: number;
}

const dir = process.argv[2] ?? ".";
const projectionEveryMs = 50;
let serial = 0;

const writer = new Worker(new URL("./writer.ts", import.meta.url), { workerData: dir });
const onDisk = new Map<number, () => void>();
writer.on("message", (ids: readonly number[]) => {
  for (const id of ids) {
    onDisk.get(id)?.();
    onDisk.delete(id);
  }
});
writer.on("error", (error) => {
  throw error;
});

let rows: LogRow[] = [];
let afterwards: (() => void)[] = [];
/** Collects one turn's rows; `done` is called when all of them are on disk. */
function append(row: LogRow, done: () => void): void {
  if (rows.length === 0) setImmediate(flush);
  rows.push(row);
  afterwards.push(done);
}

function flush(): void {
  const id = serial++;
  const calls = afterwards;
  onDisk.set(id, () => {
    for (const call of calls) call();
  });
  say({ id, rows });
  rows = [];
  afterwards = [];
}

let ended: ProjectionRow[] = [];
setInterval(() => {
  if (ended.length > 0) say({ projection: ended });
  ended = [];
}, projectionEveryMs).unref();

function say(message: WriterMessage): void {
  writer.postMessage(message);
}

const inFlight = new Map<number, Run>();
let worker: Link | undefined;

function begin(work: Work, answer: (value: number) => void): void {
  const run: Run = { ...work, id: `r${serial++}`, startedAt: Date.now(), answer, value: 0, left: work.steps };
  const parallel = work.kind === "fan" ? work.steps : 1;
  for (let i = 0; i < parallel; i++) dispatch(run, 0);
}

function dispatch(run: Run, value: number): void {
  const task = serial++;
  append({ run: run.id, body: JSON.stringify({ kind: "task", task, value, at: Date.now() }) }, () => {
    inFlight.set(task, run);
    worker?.say([task, value]);
  });
}

function onResult([task, value]: StepMessage): void {
  const run = inFlight.get(task);
  if (run === undefined) return;
  inFlight.delete(task);
  run.left--;
  run.value = run.kind === "fan" ? run.value + value : value;
  const last = run.left === 0;
  append({ run: run.id, body: JSON.stringify({ kind: "result", task, value, at: Date.now() }) }, () => {
    if (!last) return;
    ended.push({
      run: run.id,
      kind: run.kind,
      status: "done",
      startedAt: run.startedAt,
      endedAt: Date.now(),
    });
    run.answer(run.value);
  });
  // Result and next task are rows of the same turn, so of the same transaction.
  if (!last && run.kind === "chain") dispatch(run, value);
}

const api = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    begin(parseWork(Buffer.concat(chunks).toString("utf8")), (value) => {
      const body = JSON.stringify({ status: "completed", output: value });
      response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
      response.end(body);
    });
  });
});

const socketPath = path.join(dir, "worker.sock");
net
  .createServer((socket) => {
    worker = openLink(socket, onResult);
    api.listen(0, "127.0.0.1", () => {
      const address = api.address();
      if (address !== null && typeof address === "object")
        process.send?.({ port: address.port, worker: child.pid });
    });
  })
  .listen(socketPath);
const workerFile = path.join(import.meta.dirname, "worker.ts");
const child = spawn(process.execPath, ["--max-semi-space-size=4", workerFile, socketPath], {
  stdio: "ignore",
});
process.on("disconnect", () => process.exit(0));
