/** Every bound of a definition, with its unit. */
export const planLimits = {
  stepsMax: 1_000,
  retryMax: 100,
  maxParallelMax: 1_000,
} as const;

/** What holds when a definition says nothing. */
export const planDefaults = {
  maxParallel: 16,
  retryMax: 1,
  backoffMs: 1_000,
  factor: 2,
  maxBackoffMs: 300_000,
} as const;
