/** What `af dev` was asked to do. */
import type { ContainerChoice } from "./containers/options.ts";

export interface DevOptions {
  readonly dir: string;
  readonly host?: string;
  readonly port?: number;
  /** Begin with empty state. */
  readonly fresh: boolean;
  /** A port, or true for Node's usual 9229. */
  readonly inspect?: number | true;
  readonly slots?: number;
  /** `embedded`, `nats` (one of our own) or the addresses of one that runs, with commas. */
  readonly bus?: string;
  /** Workers in containers of the engine that this machine has. */
  readonly containers?: ContainerChoice;
  readonly json: boolean;
  /** Logs of tools and workers between the lines about runs. */
  readonly logs: boolean;
  readonly debug: boolean;
  readonly version: string;
  /** When the process began, Unix milliseconds: "ready" counts from the key press. */
  readonly startedMs: number;
  /** Where compiled code is kept for the processes that are started often. */
  readonly compileCache?: string;
  readonly write: (line: string) => void;
}
