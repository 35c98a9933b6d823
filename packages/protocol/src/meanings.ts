/** What codes mean, in a sentence each: printed by the help and by the reference. */
import type { ErrorCode, exitCodes } from "./errors.ts";

export const errorMeanings: { readonly [Code in ErrorCode]: string } = {
  invalid_input: "What was asked is not well formed. The message says what is wrong.",
  invalid_project: "A file of the project has faults. Each is listed with file, line and column.",
  not_found: "There is no such thing, or it belongs to somebody else.",
  unauthenticated: "Nobody is logged in, or the key has expired.",
  forbidden: "The key does not allow this.",
  unavailable: "A server, the bus or the network does not answer right now.",
  timeout: "The answer did not come in time. The work itself goes on.",
  conflict: "Somebody else changed it first, or the same id was used for something else.",
  already_exists: "There is one already.",
  refused: "Not possible from the present state.",
  limit_exceeded: "A quota or a limit is reached. `details.retryAfterMs` says when to come back.",
  internal: "A fault of ours.",
};

export const exitMeanings: { readonly [Name in keyof typeof exitCodes]: string } = {
  ok: "Done.",
  runFailed: "The run failed.",
  runCancelled: "The run was cancelled.",
  waitsForApproval: "The run waits for a person's approval.",
  budgetExhausted: "A budget or quota is used up.",
  outcomeUnknown: "A call that cannot be repeated was lost after it had begun: say what became of it.",
  historyIncompatible: "The run's history needs another build.",
  changesPending: "There are changes that were not applied.",
  thresholdMissed: "A measured value is below what was asked for.",
  interrupted: "Stopped by Ctrl-C.",
};
