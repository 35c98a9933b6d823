/** Every bound of a loop, with its unit. */
export const turnLimits = {
  /** Calls of one reply that are made; the model is told that the rest was not. */
  callsPerReplyMax: 32,
  /** A reply that asks for more than this is no reply. */
  callsPerReplyReadMax: 128,
  /** The JSON text of a reply's parts. With the calls it starts it must fit into a record. */
  replyBytesMax: 256 * 1024,
  /** Of a call's output, what a model is told, as JSON text. */
  toldCharsMax: 32 * 1024,
  /** What is kept of a name that a model made up. */
  toolNameMax: 200,
  problemsTold: 5,
  /** Replies in a row whose calls were all refused; then the loop ends. */
  stuckTurnsMax: 3,
  /** Replies in a row that were no output; then the loop ends. */
  rejectionsMax: 3,
  /** Tries of one model for one reply. */
  modelTriesMax: 3,
  backoffMs: 500,
  backoffMaxMs: 10_000,
  retryAfterMaxMs: 60_000,
  /**
   * Losses of one call within an attempt, the takeover's own included; then it counts as failed: a call that
   * ends its runner again and again must not go on so. How often attempts are lost is for the run to count.
   */
  lossesMax: 4,
  /** Set aside for a reply when the agent does not say how long one may be. */
  outputTokensDefault: 4_096,
  /** Less than this is not worth a call. */
  outputTokensMin: 256,
  charsPerToken: 4,
  /** More is not believed. */
  tokensMax: 1_000_000_000,
} as const;
