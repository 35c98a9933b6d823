/** Every bound of a run, with its unit. */
export const runLimits = {
  /** Tasks one commit dispatches; the rest follows under `continue`. */
  dispatchesPerCommitMax: 100,
  /** About: the bytes of outputs and inputs in one commit. */
  commitBytesMax: 256 * 1024,
  itemsMax: 10_000,
  /** All that people said of calls of one step: it stands in each of its tasks, which have a limit too. */
  answersBytesMax: 512 * 1024,
  /** Losses of one step instance that are made good without counting as a failure. */
  lossesMax: 5,
  /** Client inputs whose ids a run remembers. */
  clientInputsMax: 10_000,
  /** Numbers of dispatches begin again after this many: they are the end of a task's id, six digits long. */
  dispatchNumbers: 1_000_000,
  /** The share by which a retry's delay is spread, so that many failed steps do not come back at once. */
  retryJitter: 0.1,
} as const;
