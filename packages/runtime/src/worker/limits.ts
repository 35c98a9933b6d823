/** Every bound of a worker with its unit. */
export const workerLimits = {
  /** How often leases and deadlines are looked at, and the age at which an attempt is told of at once. */
  sweepMs: 100,
  /** Between the signal that a call should stop and the end of its runner. */
  stopGraceMs: 1_000,
  /** An attempt without a timeout of its own. */
  attemptTimeoutMs: 600_000,
  /** An irreversible call begins on an answer that took no longer, or on the last of so many. */
  startFreshMs: 1_000,
  startAsksMax: 3,
  /**
   * A task that was sent longer ago may be over: no shard changes hands and no server takes over from a lost
   * one sooner. Tasks wait so long for a slot only where calls are long: a question is little beside them.
   */
  lateTaskMs: 3_000,
  /** Pause before tasks are taken again after the connection to the queue was lost; doubled each time. */
  retakeMinMs: 50,
  retakeMaxMs: 2_000,
  /** A task that only a newer worker can read is given back for so long, and after so often it is buried. */
  newerReleaseMs: 5_000,
  newerDeliveriesMax: 100,
} as const;
