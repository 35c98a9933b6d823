/** What a request brings: who sent it, its query and its body, each within its bounds. */
import type { HttpBindings } from "@hono/node-server";
import { AgentFlowError } from "@agentflow/protocol";
import type { Context } from "hono";
import type { Knock } from "../auth/gate.ts";
import type { Principal } from "../auth/principal.ts";
import { bodyLimits, parseJson } from "./parse-body.ts";

export interface AppEnv {
  readonly Bindings: HttpBindings;
  readonly Variables: { operation: string; principal: Principal };
}

export function knockOf(context: Context<AppEnv>): Knock {
  const { headers, socket } = context.env.incoming;
  return {
    host: headers.host,
    origin: headers.origin,
    authorization: headers.authorization,
    address: socket.remoteAddress,
  };
}

/** The query as it stands. Refuses one that holds credentials: addresses end in logs and histories. */
export function queryOf(context: Context<AppEnv>): { readonly [key: string]: string } {
  const given = context.req.query();
  refuseCredentials(Object.keys(given));
  return given;
}

export function refuseCredentials(names: readonly string[]): void {
  if (!names.some((name) => credentials.has(name.toLowerCase()))) return;
  throw new AgentFlowError("invalid_input", "credentials do not travel in an address", {
    reason: "credentials_in_url",
    suggestions: ["send Authorization: Bearer …"],
  });
}

const credentials = new Set(["token", "access_token", "key", "api_key", "apikey", "authorization"]);

export async function readBody(context: Context<AppEnv>): Promise<unknown> {
  const { headers } = context.env.incoming;
  if (!/^application\/json\s*(;|$)/i.test(headers["content-type"] ?? "")) {
    throw new AgentFlowError("invalid_input", "the body must be application/json", {
      reason: "unsupported_media_type",
    });
  }
  if (Number(headers["content-length"] ?? 0) > bodyLimits.bytesMax) throw bodyTooLarge();
  return parseJson(await boundedText(context).catch(incomplete));
}

/** The caller went away, or was cut off, in the middle of its body: nothing failed here. */
function incomplete(cause: unknown): never {
  if (AgentFlowError.is(cause)) throw cause;
  throw new AgentFlowError("invalid_input", "the body did not come whole", {
    reason: "body_incomplete",
    cause,
  });
}

/** With a length the parser of HTTP holds the sender to it; without one we count. */
async function boundedText(context: Context<AppEnv>): Promise<string> {
  if (context.env.incoming.headers["content-length"] !== undefined) return context.req.text();
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  const chunks: AsyncIterable<Uint8Array> | undefined = context.req.raw.body ?? undefined;
  if (chunks === undefined) return "";
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > bodyLimits.bytesMax) {
      // The rest is not read, so that nothing else can come over this connection.
      context.env.outgoing.setHeader("connection", "close");
      throw bodyTooLarge();
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function bodyTooLarge(): AgentFlowError {
  return new AgentFlowError("invalid_input", `the body is over ${bodyLimits.bytesMax} bytes`, {
    reason: "body_too_large",
    suggestions: ["put big data into a file or a store and pass where it lies"],
  });
}
