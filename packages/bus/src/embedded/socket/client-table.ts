import type { Put, Revision, Row, RowChange, Table } from "../../port/index.ts";
import { checkTableValue } from "../../port/check.ts";
import { tableLimits, tooManyRows } from "../table.ts";
import type { Client } from "./client.ts";
import { clientStream } from "./client-stream.ts";
import type { Message } from "./frame.ts";
import { operation } from "./operations.ts";
import * as parse from "./parse-message.ts";

/** The Table port through the socket. */
export class ClientTable implements Table {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async get(key: string): Promise<Row | undefined> {
    const answer = await this.#client.call({ code: operation.get, facts: [key] }, { again: true });
    return rowsOf(answer)[0];
  }

  async put(key: string, value: string, options: { expect: Revision | "any" }): Promise<Put> {
    checkTableValue(value);
    const facts = [key, options.expect];
    return putOf(await this.#client.call({ code: operation.put, facts, bodies: [value] }));
  }

  async delete(key: string, options: { expect: Revision | "any" }): Promise<Put> {
    return putOf(await this.#client.call({ code: operation.delete, facts: [key, options.expect] }));
  }

  async list(prefix: string): Promise<readonly Row[]> {
    const found: Row[] = [];
    for (;;) {
      const facts = [prefix, found.at(-1)?.key ?? "", tableLimits.rowsListed + 1 - found.length];
      const page = rowsOf(await this.#client.call({ code: operation.list, facts }, { again: true }));
      found.push(...page);
      if (found.length > tableLimits.rowsListed) throw tooManyRows(prefix);
      if (page.length === 0) return found;
    }
  }

  async *watch(prefix: string, signal: AbortSignal): AsyncGenerator<readonly RowChange[], void> {
    const open = { code: operation.watch, facts: [prefix] };
    for await (const page of clientStream({ client: this.#client, open, signal })) {
      const changes = parse.changes(parse.tuple(page.facts, 0), page.bodies);
      if (changes.length > 0) yield changes;
    }
  }
}

function rowsOf(answer: Message): Row[] {
  return parse.rows(parse.tuple(answer.facts, 0), answer.bodies);
}

function putOf(answer: Message): Put {
  const [ok, revision, rows] = parse.tuple(answer.facts, 3);
  if (parse.flag(ok)) return { ok: true, revision: parse.count(revision) };
  return { ok: false, reason: "wrong_revision", row: parse.rows(parse.tuple(rows, 0), answer.bodies)[0] };
}
