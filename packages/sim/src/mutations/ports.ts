/** Ports that break a law each. */
import type { Log, Table } from "@agentflow/bus";
import { parseStoredCommit } from "../checkers/parse-stored.ts";
import { parseMark } from "./parse-mark.ts";

/** The fence is off: whoever appends last is right. */
export function lawlessLog(log: Log): Log {
  return { ...methods(log), append: (subject, body) => log.append(subject, body, { expect: "any" }) };
}

/** Refusals are answered and not written: a commit without events goes nowhere. */
export function secretiveLog(log: Log): Log {
  return {
    ...methods(log),
    append: async (subject, body, options) => {
      const { expect } = options;
      const silent = expect !== "any" && parseStoredCommit(body).events.length === 0;
      return silent ? { ok: true, revision: expect } : await log.append(subject, body, options);
    },
  };
}

const ahead = 1_000;

/** The watermark says that more was sent than was. */
export function eagerTable(table: Table): Table {
  return {
    get: (key) => table.get(key),
    put: (key, value, options) => table.put(key, key.startsWith("watermark.") ? further(value) : value, options),
    delete: (key, options) => table.delete(key, options),
    list: (prefix) => table.list(prefix),
    watch: (prefix, signal) => table.watch(prefix, signal),
  };
}

function further(value: string): string {
  const mark = parseMark(value);
  return JSON.stringify({ ...mark, revision: mark.revision + ahead });
}

export function methods(log: Log): Log {
  return {
    append: (subject, body, options) => log.append(subject, body, options),
    read: (subject, options) => log.read(subject, options),
    tail: (options) => log.tail(options),
    head: (prefix) => log.head(prefix),
    purge: (subject, options) => log.purge(subject, options),
  };
}
