/** Shapes of what a runner says, checked by hand: a message may be forged by the code that runs there. */
import type { FromRunner } from "./runner-messages.ts";

/** True when the message holds all that its readers rely on. */
export function isWellFormed([kind, first, second]: FromRunner): boolean {
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
    case "done":
      return typeof first === "number" && isEnd(second);
    default:
      return false;
  }
}

function isManifest(value: unknown): boolean {
  if (!isObject(value) || !isText(field(value, "code"))) return false;
  return ["tools", "agents", "workflows"].every((list) => {
    const named: unknown = field(value, list);
    return Array.isArray(named) && named.every((one) => isObject(one) && isText(field(one, "name")));
  });
}

function isRecord(value: unknown): boolean {
  if (!isObject(value)) return false;
  const run = field(value, "run");
  if (run !== undefined && !isText(run)) return false;
  if (field(value, "kind") === "span") return isText(field(value, "name")) && isInstant(value, "startedAt");
  const isLog = field(value, "kind") === "log" && isInstant(value, "at");
  return isLog && ["message", "level", "source"].every((name) => isText(field(value, name)));
}

function isEnd(value: unknown): boolean {
  if (!isObject(value) || !isInstant(value, "startedAt")) return false;
  if (typeof field(value, "ms") !== "number") return false;
  switch (field(value, "kind")) {
    case "output":
      return field(value, "output") !== undefined;
    case "big":
      return (
        isText(field(value, "text")) &&
        isText(field(value, "sha256")) &&
        typeof field(value, "bytes") === "number"
      );
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

function field(value: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
