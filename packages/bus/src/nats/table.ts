/** The Table port on a key-value bucket: a row is the newest message of its subject. */
import { setTimeout as sleep } from "node:timers/promises";
import { AgentFlowError } from "@agentflow/protocol";
import type { MsgHdrs } from "@nats-io/transport-node";
import { checkTableKey, checkTablePrefix, checkTableValue } from "../port/check.ts";
import type { Put, Revision, Row, RowChange, Table } from "../port/index.ts";
import { directLast, leaderGet } from "./api.ts";
import { Batches } from "./batches.ts";
import { askForRow, workerOfRow } from "./door/ask.ts";
import { closedError, fromApi, isApiError } from "./errors.ts";
import type { Link } from "./link.ts";
import { natsLimits } from "./limits.ts";
import { streamNames, tableFilter, tableKeyOf, tableSubject } from "./names.ts";
import { OrderedReader } from "./ordered.ts";
import { parseStored, type StoredMessage, text } from "./parse-answers.ts";
import { RawHeaders } from "./raw-headers.ts";
import { listRows } from "./rows.ts";

const stream = streamNames.table;
const operation = "KV-Operation";
/** Takes the row's history with it: once it has itself run out, an older value would be the newest again. */
const tombstone = `${operation}: PURGE\r\nNats-Rollup: sub\r\nNats-TTL: ${natsLimits.tombstoneTtl}\r\n`;
/** With copies a refusal may be spurious under load: the row is looked at and the put tried again. */
const roundsMax = 5;

interface Write {
  readonly key: string;
  readonly value: string;
  readonly headers: string;
  readonly expect: Revision | "any";
}

export class KvTable implements Table {
  readonly #link: Link;
  readonly #hasCopies: boolean;
  readonly #isOwner: boolean;

  constructor(link: Link, of: { readonly replicas: number; readonly isOwner: boolean }) {
    this.#link = link;
    this.#hasCopies = of.replicas > 1;
    this.#isOwner = of.isOwner;
  }

  async get(key: string): Promise<Row | undefined> {
    checkTableKey(key);
    const subject = tableSubject(key);
    const message = this.#hasCopies
      ? await this.#atLeader(subject)
      : await directLast(this.#link, stream, subject);
    return rowOf(key, message);
  }

  async put(key: string, value: string, { expect }: { expect: Revision | "any" }): Promise<Put> {
    checkTableKey(key);
    checkTableValue(value);
    const tenant = this.#asks(key);
    if (tenant !== undefined) {
      return askForRow(this.#link, { tenant, question: { kind: "put", key, value, expect } });
    }
    return this.#write({ key, value, headers: "", expect });
  }

  async delete(key: string, { expect }: { expect: Revision | "any" }): Promise<Put> {
    checkTableKey(key);
    const tenant = this.#asks(key);
    if (tenant !== undefined) {
      return askForRow(this.#link, { tenant, question: { kind: "delete", key, expect } });
    }
    const there = await this.#atLeader(tableSubject(key));
    const row = rowOf(key, there);
    if (row !== undefined) return this.#write({ key, value: "", headers: tombstone, expect });
    if (expect === "any" || expect === 0) return { ok: true, revision: there?.sequence ?? 0 };
    return { ok: false, reason: "wrong_revision", row: undefined };
  }

  async list(prefix: string): Promise<readonly Row[]> {
    checkTablePrefix(prefix);
    this.#link.requireUp("reading the table");
    const of = { filter: tableFilter(prefix), hasCopies: this.#hasCopies };
    const rows: Row[] = [];
    for (const message of await listRows(this.#link, of)) {
      const key = tableKeyOf(message.subject);
      const row = key.startsWith(prefix) ? rowOf(key, message) : undefined;
      if (row !== undefined) rows.push(row);
    }
    if (rows.length > natsLimits.rowsMax) throw tooMany(prefix);
    return rows.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async *watch(prefix: string, signal: AbortSignal): AsyncGenerator<readonly RowChange[]> {
    checkTablePrefix(prefix);
    this.#link.requireUp("watching the table");
    if (signal.aborted) return;
    const batches = new Batches<RowChange>(natsLimits.tailAhead, {
      pause: () => reader.pause(),
      resume: () => reader.resume(),
    });
    const seen = new Set<string>();
    const reader = new OrderedReader(this.#link, {
      stream,
      filters: [tableFilter(prefix)],
      from: "newest of each",
      take: (message, info) => {
        const key = tableKeyOf(message.subject);
        if (!key.startsWith(prefix)) return;
        const isGone = message.headers?.has(operation) === true;
        // Of a row that was deleted before this watch began nothing is said.
        if (isGone && !seen.has(key)) return;
        if (isGone) seen.delete(key);
        else seen.add(key);
        batches.push({ key, value: isGone ? undefined : text(message.data), revision: info.streamSequence });
      },
      failed: (error) => batches.end(error),
    });
    const stop = (): void => batches.end();
    signal.addEventListener("abort", stop);
    const forget = this.#link.onClose(() => batches.end(closedError()));
    try {
      yield* batches;
    } finally {
      signal.removeEventListener("abort", stop);
      forget();
      reader.stop();
    }
  }

  /** A worker's own row is written by an owner: whoever may write one may empty the table by a header. */
  #asks(key: string): string | undefined {
    return this.#isOwner ? undefined : workerOfRow(key);
  }

  #atLeader(subject: string): Promise<StoredMessage | undefined> {
    return leaderGet(this.#link, stream, { last_by_subj: subject });
  }

  async #write(write: Write): Promise<Put> {
    const { key, value, expect } = write;
    const subject = tableSubject(key);
    let stands = expect;
    for (let round = 0; round < roundsMax; round++) {
      const doing = `writing ${key}`;
      const headers = headersOf(write.headers, stands);
      const ask = headers === undefined ? { doing } : { doing, headers };
      const stored = parseStored(await this.#link.store(subject, value, ask));
      if (stored.ok) return { ok: true, revision: stored.sequence };
      if (isApiError(stored.error, "underWay")) await sleep(natsLimits.settlePauseMs);
      else if (!isApiError(stored.error, "wrongSequence")) throw fromApi(stored.error, doing);
      const there = await this.#atLeader(subject);
      const row = rowOf(key, there);
      if (row !== undefined && row.revision !== expect) return { ok: false, reason: "wrong_revision", row };
      if (row === undefined && expect !== 0) return { ok: false, reason: "wrong_revision", row };
      // No row, but the mark of a deleted one: a new row stands on that.
      stands = there?.sequence ?? 0;
    }
    throw new AgentFlowError("unavailable", `the row ${key} kept changing`, { reason: "row_busy" });
  }
}

function headersOf(lines: string, stands: Revision | "any"): MsgHdrs | undefined {
  const fenced = stands === "any" ? lines : `${lines}Nats-Expected-Last-Subject-Sequence: ${stands}\r\n`;
  return fenced === "" ? undefined : new RawHeaders(fenced);
}

function rowOf(key: string, message: StoredMessage | undefined): Row | undefined {
  if (message === undefined || message.header(operation) !== "") return undefined;
  return { key, value: text(message.data), revision: message.sequence };
}

function tooMany(prefix: string): AgentFlowError {
  const message = `more than ${natsLimits.rowsMax} rows begin with ${JSON.stringify(prefix)}`;
  return new AgentFlowError("limit_exceeded", message, { reason: "too_many_rows" });
}
