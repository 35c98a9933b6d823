/** Shapes of what a runner says, checked by hand: a message may be forged by the code that runs there. */
import { isTelemetryRecord } from "@agentflow/protocol";
import { areParts, isAgentOrNone, isModelsOrNone, isReply, isSecretsOrNone } from "./agent-shapes.ts";
import type { FromRunner } from "./runner-messages.ts";
import { field, isObject, isText } from "./shapes.ts";

/** True when the message holds all that its readers rely on. */
export function isWellFormed([kind, first, second, third]: FromRunner): boolean {
  switch (kind) {
    case "ready":
      return isManifest(first);
    case "broken":
      return isObject(first) && isText(field(first, "message"));
    case "inspecting":
    case "uncaught":
    case "loading":
      return isText(first);
    case "tele":
      return Array.isArray(first) && first.every(isRecord);
    case "dial":
      return typeof first === "number" && isText(second) && Number.isInteger(third);
    case "send":
      return typeof first === "number" && isText(second);
    case "hang":
      return typeof first === "number";
    case "part":
      return typeof first === "number" && areParts(second);
    case "done":
      return typeof first === "number" && isEnd(second);
    default:
      return false;
  }
}

function isManifest(value: unknown): boolean {
  if (!isObject(value)) return false;
  const code = field(value, "code");
  // It names the code in tables and on terminals.
  if (!isText(code) || !/^[0-9a-f]{12}$/.test(code)) return false;
  const named = ["tools", "agents", "workflows"].every((list) => {
    const listed: unknown = field(value, list);
    return Array.isArray(listed) && listed.every(isNamed);
  });
  return named && isModelsOrNone(field(value, "models"));
}

function isNamed(one: unknown): boolean {
  return isObject(one) && isText(field(one, "name")) && isAgentOrNone(one) && isSecretsOrNone(one);
}

/** Of what happens in tools and agents alone: nobody there speaks for the control plane. */
function isRecord(value: unknown): boolean {
  return isTelemetryRecord(value) && (value.kind === "span" || saidThere.has(value.source));
}

const saidThere: ReadonlySet<string> = new Set(["tool", "agent"]);

const yearsMs = 1e12;

function isEnd(value: unknown): boolean {
  if (!isObject(value) || !isInstant(value, "startedAt")) return false;
  const ms = field(value, "ms");
  if (typeof ms !== "number" || ms < 0 || ms > yearsMs) return false;
  switch (field(value, "kind")) {
    case "output":
      return field(value, "output") !== undefined;
    case "big":
      return (
        isText(field(value, "text")) &&
        isText(field(value, "sha256")) &&
        typeof field(value, "bytes") === "number"
      );
    case "reply":
      return isReply(field(value, "reply"));
    case "failed":
      return isFailure(field(value, "failure"));
    default:
      return false;
  }
}

function isFailure(value: unknown): boolean {
  return isObject(value) && isText(field(value, "code")) && isText(field(value, "message"));
}

function isInstant(value: object, name: string): boolean {
  const text = field(value, name);
  return isText(text) && !Number.isNaN(Date.parse(text));
}
