/** An installation in containers as the bench sees it: what it is made of, and its doors. */
import type { Client } from "@agentflow/sdk/client";

export interface Box {
  /** The container's name. */
  readonly name: string;
  readonly part: string;
  readonly copy: number;
}

export interface Stack {
  /** Brings it up; again after `down` it is the same installation. */
  up(): Promise<void>;
  /** Ends the containers and keeps the data. */
  down(): Promise<void>;
  /** Nothing of it is left. */
  remove(): Promise<void>;
  /** Those that may be struck: nodes of the bus, control planes, workers. */
  boxes(): Promise<readonly Box[]>;
  /** Of the control planes, by their order. */
  clients(retryForMs: number): Promise<readonly Client[]>;
  /** A file of one of its containers. */
  read(box: Box, path: string): Promise<string>;
  variable(box: Box, name: string): Promise<string | undefined>;
}
