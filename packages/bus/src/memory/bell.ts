/** One waiter, many ringers. A ring that nobody waited for is heard by the next wait. */
export class Bell {
  private rung = false;
  private wake: (() => void) | undefined;

  readonly ring = (): void => {
    this.rung = true;
    this.wake?.();
  };

  async wait(): Promise<void> {
    if (!this.rung) await new Promise<void>((resolve) => (this.wake = resolve));
    this.wake = undefined;
    this.rung = false;
  }
}
