import type { Put, Row } from "../../port/index.ts";
import { operation, socketLimits } from "./operations.ts";
import * as parse from "./parse-message.ts";
import type { Handlers, Talk } from "./talk.ts";

export function tableHandlers(talk: Talk): Handlers {
  const { table } = talk.bus;
  const answerPut = (id: number, put: Promise<Put>): void => {
    put.then(
      (result) => {
        if (result.ok) return talk.answer(id, [true, result.revision, []]);
        const rows = result.row === undefined ? [] : [result.row];
        talk.answer(id, [false, 0, rowFacts(rows)], valuesOf(rows));
      },
      (error: unknown) => talk.fail(id, error),
    );
  };
  return {
    on: {
      [operation.get]: ({ id, facts }) => {
        const [key] = parse.tuple(facts, 1);
        table.get(parse.text(key)).then(
          (row) => {
            const rows = row === undefined ? [] : [row];
            talk.answer(id, rowFacts(rows), valuesOf(rows));
          },
          (error: unknown) => talk.fail(id, error),
        );
      },
      [operation.put]: ({ id, facts, bodies }) => {
        const [key, expect] = parse.tuple(facts, 2);
        const value = parse.body(bodies);
        answerPut(id, table.put(parse.text(key), value, { expect: parse.expectation(expect) }));
      },
      [operation.delete]: ({ id, facts }) => {
        const [key, expect] = parse.tuple(facts, 2);
        answerPut(id, table.delete(parse.text(key), { expect: parse.expectation(expect) }));
      },
      [operation.list]: ({ id, facts }) => {
        const [prefix, after, limit] = parse.tuple(facts, 3);
        const rows = table.page({
          prefix: parse.text(prefix),
          after: parse.text(after),
          limit: parse.count(limit),
          charactersMax: socketLimits.pageCharacters,
        });
        talk.answer(id, rowFacts(rows), valuesOf(rows));
      },
    },
  };
}

function rowFacts(rows: readonly Row[]): unknown[] {
  return rows.map(({ key, revision }) => [key, revision]);
}

function valuesOf(rows: readonly Row[]): string[] {
  return rows.map(({ value }) => value);
}
