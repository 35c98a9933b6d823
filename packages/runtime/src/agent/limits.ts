/** Every bound of an agent's loop on a worker, with its unit. */
export const agentLimits = {
  /** Longest that an attempt of an agent may take when nothing says otherwise. */
  attemptTimeoutMs: 3_600_000,
  /** What an attempt has beyond the agent's own time. */
  attemptGraceMs: 60_000,
  /** A record of the journal; one event that is longer stands alone. */
  recordBytesMax: 224 * 1024,
  /** Longest reply of a model, as JSON: it stands in the journal as a whole. */
  replyBytesMax: 192 * 1024,
  journalReadRecords: 500,
  /** A longer append may have been slept through: then it is looked whether the journal is still ours. */
  appendFreshMs: 1_000,
  /** How often, where even looking takes longer. */
  appendLooksMax: 3,
  journalBackoffMinMs: 50,
  journalBackoffMaxMs: 2_000,
  /** One model call of a definition that says nothing of it. */
  modelTimeoutMs: 120_000,
  /** What a call has beyond its own timeout before it is stopped from here. */
  callGraceMs: 1_000,
  /** Agents that call agents: the step's own is the first. */
  depthMax: 4,
  liveMs: 25,
  liveBytes: 4 * 1024,
  /** A live message is dropped rather than that it waits. */
  liveBacklogBytes: 256 * 1024,
} as const;
