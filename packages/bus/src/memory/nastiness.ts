/** How unfriendly the twin is. Every one of these is allowed by the ports; nothing here breaks a promise. */
export interface Nastiness {
  /** Each way of each call, and each delivery, takes up to so long. */
  readonly delayMsMax: number;
  /** How often a revision is followed by a gap, 0 to 1. */
  readonly gapRate: number;
  /** A task is handed out before up to so many that came earlier. */
  readonly reorderWithin: number;
  /** How often a task comes once more, though its lease has not ended or its acknowledgement was accepted. */
  readonly repeatRate: number;
  /** A row of the table that another client wrote is seen up to so late. */
  readonly staleMs: number;
  /** A batch of a tail holds between one and so many records. */
  readonly tailBatchMax: number;
}

export const nasty: Nastiness = {
  delayMsMax: 4,
  gapRate: 0.2,
  reorderWithin: 4,
  repeatRate: 0.01,
  staleMs: 20,
  tailBatchMax: 7,
};

/** For tests that are about something else. */
export const polite: Nastiness = {
  delayMsMax: 0,
  gapRate: 0,
  reorderWithin: 1,
  repeatRate: 0,
  staleMs: 0,
  tailBatchMax: Number.POSITIVE_INFINITY,
};
