/** Every bound of the engine with its unit. The defaults are those of a single machine. */
export interface EngineConfig {
  /** Hot runs kept in memory: by number and by bytes of their commits. */
  readonly hotRunsMax: number;
  readonly hotBytesMax: number;
  /** Inputs decided in one commit. */
  readonly inputsPerCommitMax: number;
  /** Inputs that may wait for one run; more are `limit_exceeded`. */
  readonly mailboxMax: number;
  /** Reloads of a run before its inputs are answered `conflict` or `unavailable`. */
  readonly decideRounds: number;
  /** Pause before a log that did not answer is asked again; doubled up to `reloadPauseMaxMs`. */
  readonly reloadPauseMs: number;
  readonly reloadPauseMaxMs: number;
  /** How long an input sent to another owner is waited for. */
  readonly forwardTimeoutMs: number;
  /** Inputs that may be on their way to other owners; more are `limit_exceeded`. */
  readonly forwardsMax: number;
  /** One try of it: a shard may change hands meanwhile. */
  readonly forwardTryMs: number;
  /** So long a control plane holds its shards after its last sign of life; renewed at a third. */
  readonly leaseMs: number;
  /** How long a shard that is given up waits for what is under way. */
  readonly giveUpMs: number;
  readonly waitersMax: number;
  readonly waitMaxMs: number;
  /** Tasks released to a pool that no worker has joined yet. */
  readonly releaseWithoutWorkers: number;
  /** Tasks in one push. */
  readonly pushMax: number;
  /** Pause after a queue said `full` or did not answer. */
  readonly pushRetryMs: number;
  readonly watermarkEveryMs: number;
  /** A run with open work that nobody spoke of for so long is nudged. */
  readonly silentMs: number;
  readonly nudgeEveryMs: number;
  readonly projectEveryMs: number;
  /** Rows that may wait for the read model before the reader of the log waits for it. */
  readonly projectRowsMax: number;
  readonly minRevisionWaitMs: number;
  readonly followersMax: number;
  readonly telemetryRowsMax: number;
  readonly telemetryMaxAgeMs: number;
  /** Prepared plans and definitions kept in memory. */
  readonly plansMax: number;
  /** Runs loaded at once while recovering. */
  readonly recoverAtOnce: number;
  /**
   * Runs whose id is younger stay in the log, so that a start under one need not ask the archives. The same
   * for all control planes of an installation.
   */
  readonly archiveIdAgeMs: number;
  /** Inputs of one tenant under way at the same time while other tenants ask too. */
  readonly fairInFlight: number;
  /** So long after two tenants asked they are taken to be beside each other. */
  readonly fairWithinMs: number;
  /** Inputs of one tenant that wait for their turn; more are `limit_exceeded`. */
  readonly fairWaitingMax: number;
  /** Open tasks of one tenant in this control plane's memory; then its starts are `limit_exceeded`. */
  readonly openTasksMax: number;
  /** The same in bytes of the commits that asked for them. */
  readonly openTaskBytesMax: number;
  /** The same of all tenants together, so many times that of one. */
  readonly openTenantsMax: number;
  /** Tasks of one tenant that are with the queue or being worked on; the queue holds 100,000 in all. */
  readonly queuedTasksMax: number;
  /** The same in bytes; the queue on NATS holds 128 MiB in all. */
  readonly queuedBytesMax: number;
}

export const engineDefaults: EngineConfig = {
  hotRunsMax: 20_000,
  hotBytesMax: 64 * 1024 * 1024,
  inputsPerCommitMax: 256,
  mailboxMax: 10_000,
  decideRounds: 16,
  reloadPauseMs: 20,
  reloadPauseMaxMs: 2_000,
  forwardTimeoutMs: 10_000,
  forwardsMax: 20_000,
  forwardTryMs: 2_500,
  leaseMs: 5_000,
  giveUpMs: 500,
  waitersMax: 100_000,
  waitMaxMs: 24 * 3_600_000,
  releaseWithoutWorkers: 16,
  pushMax: 500,
  pushRetryMs: 100,
  watermarkEveryMs: 1_000,
  silentMs: 600_000,
  nudgeEveryMs: 60_000,
  projectEveryMs: 50,
  projectRowsMax: 20_000,
  minRevisionWaitMs: 1_000,
  followersMax: 2_000,
  telemetryRowsMax: 500_000,
  telemetryMaxAgeMs: 7 * 86_400_000,
  plansMax: 500,
  recoverAtOnce: 64,
  archiveIdAgeMs: 3_600_000,
  fairInFlight: 8,
  fairWithinMs: 1_000,
  fairWaitingMax: 20_000,
  openTasksMax: 200_000,
  openTaskBytesMax: 256 * 1024 * 1024,
  openTenantsMax: 4,
  queuedTasksMax: 20_000,
  queuedBytesMax: 32 * 1024 * 1024,
};
