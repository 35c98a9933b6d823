/** An installation whose lines are followed, and what is done to its processes meanwhile. */
import type { Client } from "@agentflow/sdk/client";

export interface Place {
  readonly client: Client;
  /** How `af logs` finds it. */
  readonly words: readonly string[];
  readonly environment: { readonly [name: string]: string | undefined };
  /** By name, as far as they are processes of this bench. */
  readonly pids: () => ReadonlyMap<string, number | undefined>;
  /** A worker is replaced; says how. */
  replaceWorker(): Promise<string>;
  restartServer(): Promise<void>;
  /** Of attempts whose worker was killed: up to which number its container printed their lines. */
  readonly cutOff: ReadonlyMap<string, number>;
  end(): Promise<void>;
}

export interface PlaceOptions {
  readonly dir: string;
  readonly slots: number;
  readonly name: string;
}
