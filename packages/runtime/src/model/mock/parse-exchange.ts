import { AgentFlowError, type Json } from "@agentflow/protocol";
import { at, isObject, objectOf } from "../json.ts";
import { parseJson } from "../parse-json.ts";
import type { Exchange } from "./exchange.ts";

/** Refuses with `invalid_input` what is no recorded exchange; `where` names its place. */
export function parseExchange(value: unknown, where: string): Exchange {
  const fault = faultOf(value as Json | undefined);
  if (fault !== undefined) throw noCassette(`${where}: ${fault}`);
  return value as Exchange;
}

export function parseLine(line: string, where: string): Exchange {
  const value = parseJson(line);
  if (value === undefined) throw noCassette(`${where} is no JSON`);
  return parseExchange(value, where);
}

export function noCassette(message: string): AgentFlowError {
  return new AgentFlowError("invalid_input", message, {
    reason: "invalid_cassette",
    suggestions: ["record it anew: af mock-llm record --upstream URL --to FILE"],
  });
}

function faultOf(value: Json | undefined): string | undefined {
  if (at(value, "v") !== 1 || at(value, "kind") !== "exchange")
    return "is no recorded exchange of this version";
  const request = objectOf(at(value, "request"));
  const response = objectOf(at(value, "response"));
  for (const key of ["method", "path"]) {
    if (typeof request[key] !== "string") return `request.${key} is missing`;
  }
  if (typeof response["status"] !== "number") return "response.status is missing";
  if (!isBody(request["body"])) return "request.body is neither text nor base64";
  if (!isBody(response["body"])) return "response.body is neither text nor base64";
  if (!hasTexts(request["headers"]) || !hasTexts(response["headers"])) return "headers are no texts";
  return undefined;
}

function isBody(body: Json | undefined): boolean {
  return typeof body === "string" || typeof at(body, "base64") === "string";
}

function hasTexts(headers: Json | undefined): boolean {
  return isObject(headers) && Object.values(headers).every((value) => typeof value === "string");
}
