/** Why a runner's process ended, in words that lead to the cause. */

export interface Exit {
  /** Why the supervisor ended it, when it did. */
  readonly killed: string | undefined;
  /** The error that user code left uncaught, when it was one. */
  readonly uncaught: string | undefined;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly memoryMb: number;
}

export function exitReason({ killed, uncaught, code, signal, memoryMb }: Exit): string {
  if (killed !== undefined) return killed;
  if (uncaught !== undefined) return `uncaught_error: ${uncaught}`;
  const how = `runner_exited: ${signal ?? `code ${code}`}`;
  // Node ends so when its heap is full, and by itself hardly ever for another reason.
  return signal === "SIGABRT" ? `${how}, out of memory? worker.runnerMemoryMb is ${memoryMb}` : how;
}
