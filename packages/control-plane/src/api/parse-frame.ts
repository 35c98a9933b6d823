/** The door of the socket: a frame of a client, checked message by message. */
import { AgentFlowError, type RunId, isId, socketLimits } from "@agentflow/protocol";
import { apiSchemas } from "@agentflow/protocol/schema";
import type { StartOne } from "../engine.ts";
import { checkShape, parseWith } from "./parse-body.ts";

export type SocketRequest =
  | { readonly kind: "start"; readonly id: number; readonly start: StartOne }
  | { readonly kind: "wait"; readonly id: number; readonly run: RunId; readonly waitMs: number }
  | {
      readonly kind: "follow";
      readonly id: number;
      readonly run: RunId;
      readonly after: string;
      readonly live: boolean;
    }
  | { readonly kind: "unfollow"; readonly id: number }
  | { readonly kind: "invalid"; readonly id: number; readonly error: AgentFlowError };

/** Throws when the frame itself is none: the socket is closed then. A bad message only fails itself. */
export function parseFrame(text: string): readonly SocketRequest[] {
  const messages: unknown = JSON.parse(text);
  if (!Array.isArray(messages)) throw new AgentFlowError("invalid_input", "a frame is an array of messages");
  if (messages.length > socketLimits.messagesPerFrameMax) {
    throw new AgentFlowError(
      "invalid_input",
      `more than ${socketLimits.messagesPerFrameMax} messages in a frame`,
    );
  }
  return messages.map(parseMessage);
}

function parseMessage(message: unknown): SocketRequest {
  if (!Array.isArray(message)) throw new AgentFlowError("invalid_input", "a message is an array");
  const parts: readonly unknown[] = message;
  const [kind, id, third, fourth, fifth] = parts;
  if (typeof id !== "number" || !Number.isSafeInteger(id))
    throw new AgentFlowError("invalid_input", "a message has a number second");
  try {
    return parseKind({ kind, id, third, fourth, fifth });
  } catch (error) {
    return { kind: "invalid", id, error: AgentFlowError.from(error, "the message") };
  }
}

interface Parts {
  readonly kind: unknown;
  readonly id: number;
  readonly third: unknown;
  readonly fourth: unknown;
  readonly fifth: unknown;
}

function parseKind(of: Parts): SocketRequest {
  const { kind, id, third, fourth } = of;
  switch (kind) {
    case "start":
      checkShape(third);
      return {
        kind,
        id,
        start: { body: parseWith(apiSchemas.startRunBody, third, "the start"), waitMs: waitOf(fourth) },
      };
    case "wait":
      return { kind, id, run: runOf(third), waitMs: waitOf(fourth) };
    case "follow":
      return {
        kind,
        id,
        run: runOf(third),
        after: typeof fourth === "string" ? fourth : "",
        live: isLive(of.fifth),
      };
    case "unfollow":
      return { kind, id };
    default:
      throw new AgentFlowError("invalid_input", "a message of no known kind");
  }
}

function runOf(value: unknown): RunId {
  if (isId("run", value)) return value;
  throw new AgentFlowError("invalid_input", "that is not a run id", { reason: "invalid_id" });
}

/** Options that are new here are passed over: a newer client asks for more than this server has. */
function isLive(options: unknown): boolean {
  return typeof options === "object" && options !== null && "live" in options && options.live === true;
}

function waitOf(value: unknown): number {
  if (typeof value === "number" && value >= 0 && value <= 60_000) return value;
  throw new AgentFlowError("invalid_input", "waitMs is between 0 and 60000");
}
