/** What a kubelet is given. */
import type { PodRuntime } from "../runtime/runtime.ts";
import type { Pod } from "../world/parse-kinds.ts";
import type { World } from "../world/world.ts";
import type { Tokens } from "./volumes.ts";

export interface KubeletOptions {
  readonly world: World;
  readonly runtime: PodRuntime;
  readonly node: { readonly name: string; readonly address: string };
  /** What every container's environment has: where the API server is. */
  readonly environment: Readonly<Record<string, string>>;
  readonly tokens: Tokens;
  readonly isClosed: (pod: Pod) => boolean;
  readonly handlerOf: (runtimeClass: string | undefined) => string | undefined;
  /** Fulfilled when the object is being deleted, or has gone. */
  readonly removed: (pod: Pod) => Promise<void>;
  readonly stopPod: (pod: Pod) => void;
}
