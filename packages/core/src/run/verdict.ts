/** What became of one input. */
export type Verdict = Accepted | Repeated | Refused;

interface Accepted {
  readonly kind: "accepted";
}

interface Repeated {
  readonly kind: "repeated";
}

interface Refused {
  readonly kind: "refused";
  readonly reason: string;
  readonly message: string;
  /** The refusal rests on something that is absent: it is answered only once a commit says so. */
  readonly written: boolean;
}

export const accepted: Verdict = { kind: "accepted" };
export const repeated: Verdict = { kind: "repeated" };

/** A refusal that rests on what the log holds: true however old the read was. */
export function refuse(reason: string, message: string): Verdict {
  return { kind: "refused", reason, message, written: false };
}

/** A refusal that rests on what the log does not hold. */
export function refuseAbsent(reason: string, message: string): Verdict {
  return { kind: "refused", reason, message, written: true };
}

export const runAlreadyEnded: Verdict = refuse("run_already_ended", "the run has ended");
