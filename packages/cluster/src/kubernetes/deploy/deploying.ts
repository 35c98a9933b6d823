/** What a deploy is given, and what it answers. */
import type { JsonObject } from "@agentflow/protocol";
import type { Pace } from "../pace.ts";
import type { Release } from "../release.ts";
import type { Access } from "./access.ts";
import type { FieldConflict } from "./conflicts.ts";
import type { DeployHolder } from "./lease.ts";
import type { InventoryEntry } from "./parse-objects.ts";
import type { PlannedChange } from "./plan.ts";

export type ShownObject = "creating" | "changing" | "starting" | "ready" | "kept" | "removed" | "failed";

export interface DeployProgress {
  step(text: string): void;
  /** `Deployment/x`. */
  object(title: string, state: ShownObject): void;
}

export interface DeploySecrets {
  /** All that the project asks for. */
  readonly names: readonly string[];
  /** Those that are known here; the others stay as they are in the cluster. */
  readonly values: ReadonlyMap<string, string>;
}

export interface Deploying {
  /** In the release's namespace. */
  readonly access: Access;
  readonly release: Release;
  readonly secrets: DeploySecrets;
  /** Takes fields over from other managers. */
  readonly force: boolean;
  readonly wait: boolean;
  readonly timeoutMs: number;
  /** How long what may mend by itself is waited for; half of the timeout, at most 30 s, when left out. */
  readonly graceMs?: number;
  readonly leaseMs?: number;
  readonly pruneData: boolean;
  readonly holder: DeployHolder;
  readonly by: string;
  readonly reason?: string;
  readonly rollbackTo?: number;
  /** Parts whose Jobs run once more. */
  readonly again?: readonly string[];
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly progress: DeployProgress;
}

export interface DeployPlan {
  /** Of the cluster. */
  readonly version: string;
  readonly isNamespaceThere: boolean;
  readonly notes: readonly string[];
  /** The release's, as they are sent. */
  readonly objects: readonly JsonObject[];
  readonly changes: readonly PlannedChange[];
  readonly conflicts: readonly FieldConflict[];
  readonly inventory: readonly InventoryEntry[];
  /** No longer rendered and kept all the same: workers of other builds, what holds data. */
  readonly kept: readonly InventoryEntry[];
}

export interface Deployed {
  readonly plan: DeployPlan;
  readonly revision: number;
  /** Whether a revision was made: false when all was as it should be. */
  readonly isChanged: boolean;
  /** `Deployment/x`, in order. */
  readonly applied: readonly string[];
}
