/** One line of `af doctor`: a fact, and the fix where one is needed. */
export interface Check {
  readonly name: string;
  /** `note` is worth knowing; only `bad` must be fixed. */
  readonly state: "good" | "note" | "bad";
  readonly fact: string;
  readonly fix?: string;
}

export interface Examined {
  readonly folder: string;
  readonly project: string | undefined;
  /** Release of this `af`. */
  readonly version: string;
  /** As it was named; else whatever target is in use. */
  readonly target?: string;
  readonly environment: { readonly [name: string]: string | undefined };
}
