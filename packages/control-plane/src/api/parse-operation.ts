/**
 * An operation of the API: one row says method, path, scope, what goes in and what comes out. The rows are
 * the router, the authorisation matrix and the OpenAPI document at once; what is not a row does not exist.
 */
import type { HealthReport } from "@agentflow/host/health";
import type { Scope } from "@agentflow/protocol";
import type { Readable } from "node:stream";
import type { z } from "zod";
import type { Audit } from "../auth/audit.ts";
import type { Keys } from "../auth/keys.ts";
import type { Principal } from "../auth/principal.ts";
import type { Engine } from "../engine.ts";

export interface Services {
  readonly engine: Engine;
  readonly keys: Keys;
  readonly audit: Audit;
  readonly version: string;
  /** A backup's bytes, of the whole installation. */
  backup(of: { readonly telemetry: boolean; readonly signal: AbortSignal }): Promise<Readable>;
  /** Opens the inspector of a worker's runner on this machine's loopback; undefined: not one of ours. */
  inspectWorker?(worker: string, port: number): Promise<string> | undefined;
  /** What the readiness probe says. */
  ready(): HealthReport;
}

export interface Call<Params, Query, Body> {
  readonly services: Services;
  readonly principal: Principal;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Aborts when the caller goes away, and when the server stops. Made when it is asked for. */
  readonly signal: AbortSignal;
}

interface Shape<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  readonly id: string;
  readonly method: "get" | "post" | "delete";
  /** With `{name}` for parameters, as OpenAPI writes it. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly scope: Scope;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly answer: z.ZodType;
  /** Statuses of a good answer, the usual one first; 200 when left out. */
  readonly statuses?: readonly [number, ...number[]];
  /** Which of them this answer has; the first when left out. */
  statusOf?(answer: unknown): number;
  /** Leaves a record in the audit trail. */
  readonly audited?: true;
  handle(call: Call<z.output<P>, z.output<Q>, z.output<B>>): Promise<unknown>;
}

export type Operation = Shape<z.ZodType, z.ZodType, z.ZodType>;

/** Checks a row's types against each other and forgets them: the router needs only the shape. */
export function operation<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  shape: Shape<P, Q, B>,
): Operation {
  return shape;
}
