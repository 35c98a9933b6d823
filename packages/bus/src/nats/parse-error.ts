import type { ErrorBody } from "@agentflow/protocol";
import { json, record, string } from "./parse-answers.ts";

/** An error as a server of the wire wrote it; what is none becomes `internal`. */
export function parseErrorBody(body: string): ErrorBody {
  const value = record(json(body));
  const suggestions = value["suggestions"];
  const word = (key: string, otherwise: string): string => string(value[key]) || otherwise;
  return {
    code: word("code", "internal") as ErrorBody["code"],
    reason: word("reason", "internal"),
    message: word("message", "the server answered with an error that cannot be read"),
    details: record(value["details"] ?? {}),
    suggestions: Array.isArray(suggestions) ? suggestions.map(String) : [],
  };
}
