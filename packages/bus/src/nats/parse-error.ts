import type { ErrorBody } from "@agentflow/protocol";
import { json, record } from "./parse-answers.ts";

/** An error as a server of the wire wrote it; what is none becomes `internal`. */
export function parseErrorBody(body: string): ErrorBody {
  const value = record(json(body));
  const suggestions = value["suggestions"];
  return {
    code: String(value["code"] ?? "internal") as ErrorBody["code"],
    reason: String(value["reason"] ?? "internal"),
    message: String(value["message"] ?? "the server answered with an error that cannot be read"),
    details: record(value["details"] ?? {}),
    suggestions: Array.isArray(suggestions) ? suggestions.map(String) : [],
  };
}
