/** What the containers of one pod have in common. */
import type { PodRuntime, Sandbox } from "../runtime/runtime.ts";
import type { Pod } from "../world/parse-kinds.ts";
import type { World } from "../world/world.ts";
import type { ContainerRecord } from "./container-record.ts";

export interface PodContext {
  readonly world: World;
  readonly runtime: PodRuntime;
  /** As it is now. */
  readonly pod: () => Pod;
  readonly sandbox: Sandbox;
  readonly node: string;
  /** Of the API server, as pods reach it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Says so when something has changed. */
  readonly publish: () => void;
  readonly event: (
    record: ContainerRecord,
    type: "Normal" | "Warning",
    what: { readonly reason: string; readonly message: string },
  ) => void;
  /** The pod is to end. */
  readonly stop: AbortSignal;
}
