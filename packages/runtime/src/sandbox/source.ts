/** Where sandboxes come from: an engine that this process may use, or a broker that alone may. */
import type { SandboxApplied, SandboxPlan } from "@agentflow/protocol";
import type { Duplex } from "node:stream";

/** What one call needs of its sandbox; everything else about it is fixed. */
export interface SandboxRequest
  extends Pick<SandboxPlan, "network" | "memoryMb" | "cpus" | "pids" | "tmpMb"> {
  /** `<file>.<export>`. */
  readonly tool: string;
  readonly run: string;
  readonly step: string;
  /** After which it is ended from within, whoever is still there. */
  readonly lifeMs: number;
}

export interface SandboxExit {
  readonly code: number;
  /** The kernel ended something in it for its memory. */
  readonly outOfMemory: boolean;
  /** Who ended it instead, in the words of whoever runs it: `Evicted: …`. */
  readonly why?: string;
}

export interface OpenSandbox {
  /** Frames to and from the program in it. */
  readonly stream: Duplex;
  readonly applied: SandboxApplied;
  /** Settles once it is gone, with everything that ran in it. */
  readonly exited: Promise<SandboxExit>;
  kill(): void;
}

export interface SandboxSource {
  /** `onOutput` gets what code in it prints. Throws `unavailable`, reason `sandbox_unavailable`. */
  open(request: SandboxRequest, onOutput: (chunk: Buffer) => void): Promise<OpenSandbox>;
  /** Ends what is still open. */
  close(): Promise<void>;
}
