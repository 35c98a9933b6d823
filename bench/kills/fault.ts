/** A promise that was broken, and where. */
/** What each fault is an instance of. */
export const promises = ["lost", "doubled", "hole", "fence", "ended", "outside", "told"] as const;
export type Broken = (typeof promises)[number];

export interface Fault {
  readonly broken: Broken;
  readonly run: string;
  readonly what: string;
}

export type Say = (broken: Broken, what: string) => void;
