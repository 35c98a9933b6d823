import type { Json, Message } from "@agentflow/protocol";
import { isList, isObject } from "../plan/schema.ts";

const roles: ReadonlySet<Json | undefined> = new Set(["system", "user", "assistant", "tool"]);

/** What a journal keeps as first messages; undefined when it is something else. */
export function parseMessages(value: Json): readonly Message[] | undefined {
  if (!isList(value) || !value.every(isMessage)) return undefined;
  return value as unknown as readonly Message[];
}

function isMessage(value: Json): boolean {
  if (!isObject(value) || !roles.has(value["role"])) return false;
  if (value["role"] === "assistant") return isList(value["parts"]);
  return value["role"] === "tool" ? isList(value["results"]) : typeof value["text"] === "string";
}
