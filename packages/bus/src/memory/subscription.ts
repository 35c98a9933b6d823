import type { Subject } from "@agentflow/protocol";
import type { Link } from "./link.ts";

/** What a listener may be behind before it loses the oldest. */
const backlogMax = 1_000;

interface Listener {
  readonly link: Link;
  readonly matches: (subject: Subject) => boolean;
  readonly handler: (body: string, subject: Subject) => void;
  readonly onDropped: ((count: number) => void) | undefined;
}

/** The messages on their way to one listener, in order. */
export class Subscription {
  private readonly to: Listener;
  private backlog: { readonly subject: Subject; readonly body: string }[] = [];
  /** Of `backlog`, how many at its head have been given up: moving the rest each time would be slow. */
  private dropped = 0;
  private onItsWay = false;
  private ended = false;

  constructor(to: Listener) {
    this.to = to;
  }

  end(): void {
    this.ended = true;
  }

  offer(subject: Subject, body: string): void {
    if (!this.to.matches(subject) || !this.to.link.up) return;
    this.backlog.push({ subject, body });
    if (this.backlog.length - this.dropped > backlogMax) this.dropped += 1;
    if (this.onItsWay) return;
    this.onItsWay = true;
    this.to.link.weather.soon(() => this.deliver());
  }

  private deliver(): void {
    const { backlog, dropped } = this;
    this.backlog = [];
    this.dropped = 0;
    this.onItsWay = false;
    if (this.ended || !this.to.link.up) return;
    if (dropped > 0) this.to.onDropped?.(dropped);
    for (const { subject, body } of backlog.slice(dropped)) this.to.handler(body, subject);
  }
}
