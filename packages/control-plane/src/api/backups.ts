/** `GET /v1/backup`: a copy of the whole installation as one long answer, as fast as it is taken. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Timers } from "@agentflow/host/clock";
import { AgentFlowError } from "@agentflow/protocol";
import { apiSchemas } from "@agentflow/protocol/schema";
import type { Context } from "hono";
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { type Principal, requireScope } from "../auth/principal.ts";
import { corsOf } from "./answers.ts";
import type { ServerLimits } from "./limits.ts";
import { parseWith } from "./parse-body.ts";
import type { Services } from "./parse-operation.ts";
import { type AppEnv, queryOf } from "./request.ts";

export const backupQuery = z.strictObject({ telemetry: apiSchemas.query.flag });

export interface BackupsOptions {
  readonly services: Services;
  readonly limits: ServerLimits;
  readonly timers: Timers;
  /** Cuts it off: whoever takes it sees that its end is missing. */
  readonly stopping: AbortSignal;
}

const headers = {
  "content-type": "application/zstd",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
} as const;

/** One at a time: each reads all there is. */
export class Backups {
  readonly #options: BackupsOptions;
  #isOpen = false;

  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  async answer(context: Context<AppEnv>, principal: Principal): Promise<Response> {
    requireScope(principal, "backup");
    const { telemetry } = parseWith(backupQuery, queryOf(context), "the query");
    const { outgoing, incoming } = context.env;
    const sent = { ...headers, ...corsOf(incoming.headers.origin) };
    if (incoming.method === "HEAD") return new Response(null, { headers: sent });
    if (this.#isOpen) throw running();
    this.#isOpen = true;
    try {
      const { services, stopping } = this.#options;
      await services.audit.write(principal.tenant, { by: principal.name, did: "backup", outcome: "done" });
      const gone = new AbortController();
      outgoing.once("close", () => gone.abort());
      const signal = AbortSignal.any([gone.signal, stopping]);
      const file = await services.backup({ telemetry: telemetry === "true", signal });
      // What cannot even begin is an ordinary answer.
      await readable(file);
      outgoing.writeHead(200, sent);
      void this.#send(file, outgoing);
    } catch (error) {
      this.#isOpen = false;
      throw error;
    }
    return RESPONSE_ALREADY_SENT;
  }

  /** An error on the way destroys the connection, so that nobody takes a part for the whole. */
  async #send(file: Readable, outgoing: ServerResponse): Promise<void> {
    const stopWatching = this.#cutStalled(outgoing);
    await pipeline(file, outgoing).catch(() => outgoing.destroy());
    stopWatching();
    this.#isOpen = false;
  }

  #cutStalled(outgoing: ServerResponse): () => void {
    const { timers, limits } = this.#options;
    let taken = -1;
    return timers.every(limits.stallMs, () => {
      const now = outgoing.socket?.bytesWritten ?? 0;
      if (now === taken && outgoing.writableLength > 0) outgoing.destroy();
      taken = now;
    });
  }
}

function readable(file: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    file.once("readable", resolve);
    file.once("error", reject);
  });
}

function running(): AgentFlowError {
  return new AgentFlowError("limit_exceeded", "a backup is being made here already", {
    reason: "backup_running",
    details: { retryAfterMs: 10_000 },
  });
}
