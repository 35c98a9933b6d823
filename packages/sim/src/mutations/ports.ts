/** Ports that break a law each. */
import { type Bus, type Log, type Table, toJson } from "@agentflow/bus";
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
      return silent ? { ok: true, revision: expect } : log.append(subject, body, options);
    },
  };
}

/** The watermark says that all was sent that the log holds. */
export function eagerTable({ table, log }: Pick<Bus, "table" | "log">): Table {
  const further = async (value: string): Promise<string> => {
    return JSON.stringify({ ...parseMark(value), revision: toJson(await log.heads()) });
  };
  return {
    get: (key) => table.get(key),
    put: async (key, value, options) => {
      const written = key.startsWith("watermark.") ? await further(value) : value;
      return table.put(key, written, options);
    },
    delete: (key, options) => table.delete(key, options),
    list: (prefix) => table.list(prefix),
    watch: (prefix, signal) => table.watch(prefix, signal),
  };
}

export function methods(log: Log): Log {
  return {
    lanes: log.lanes,
    append: (subject, body, options) => log.append(subject, body, options),
    read: (subject, options) => log.read(subject, options),
    tail: (options) => log.tail(options),
    head: (prefix) => log.head(prefix),
    heads: () => log.heads(),
    subjects: (prefix) => log.subjects(prefix),
    purge: (subject, options) => log.purge(subject, options),
  };
}
