/** How workflows come to a control plane over the bus: requests on `af.reg.<tenant>`, one answer each. */
import type { BuildId } from "./ids.ts";
import type { Finding } from "./plan.ts";
import type { WorkflowDefinition } from "./workflow.ts";

/** Bounds of both sides: what is bigger is refused before anything is made of it. */
export const registerLimits = {
  /** As a body of the bus. */
  requestCharsMax: 1024 * 1024,
  /** Names, and files, of one project. */
  namesMax: 1_000,
  findingsMax: 200,
  workersMax: 1_000,
} as const;

export type RegisterRequest = RegisterOne | RemoveGone | AskWorkers;

/** As `POST /v1/workflows`. */
export interface RegisterOne {
  readonly v: 1;
  readonly kind: "register";
  readonly definition: WorkflowDefinition;
  readonly build?: BuildId;
  readonly strict?: boolean;
  /** It is one of a project's files, which `remove_gone` may find gone later. */
  readonly project?: { readonly file?: string };
}

/** What came from a project and is in its files no more starts no more runs; those in flight go on. */
export interface RemoveGone {
  readonly v: 1;
  readonly kind: "remove_gone";
  readonly workflows: readonly string[];
  /** Files that cannot be read now: what came from them stays. */
  readonly unreadable: readonly string[];
}

/** Who works, and which code. */
export interface AskWorkers {
  readonly v: 1;
  readonly kind: "workers";
}

export type RegisterReply =
  | {
      readonly v: 1;
      readonly kind: "registered";
      readonly workflow: string;
      readonly version: string;
      readonly build?: string;
      readonly findings: readonly Finding[];
    }
  | { readonly v: 1; readonly kind: "removed"; readonly workflows: readonly string[] }
  | { readonly v: 1; readonly kind: "workers"; readonly workers: readonly RegisterWorker[] };

/** A worker that is alive, as far as whoever registers must know it. */
export interface RegisterWorker {
  readonly worker: string;
  readonly pool: string;
  readonly build: string;
  /** Absent while its code is not loaded. */
  readonly code?: string;
}
