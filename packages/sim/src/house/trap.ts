/** Death at a chosen moment of an agent's work, and not only at a chosen time. */
export const moments = ["before_append", "after_append", "call_begun", "call_ending"] as const;
export type Moment = (typeof moments)[number];

export interface Trap {
  readonly moment: Moment;
  /** Lets so many of these moments pass. */
  readonly skip: number;
  readonly spring: () => void;
}

export class Traps {
  private set: { trap: Trap; left: number } | undefined;

  lay(trap: Trap): void {
    this.set = { trap, left: trap.skip };
  }

  clear(): void {
    this.set = undefined;
  }

  reached(moment: Moment): void {
    if (this.set?.trap.moment !== moment) return;
    if (this.set.left-- > 0) return;
    const { trap } = this.set;
    this.set = undefined;
    trap.spring();
  }
}
