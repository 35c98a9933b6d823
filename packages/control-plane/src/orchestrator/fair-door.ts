import type { Clock } from "@agentflow/host/clock";
import { AgentFlowError, type TenantId } from "@agentflow/protocol";
import type { EngineConfig } from "../engine-config.ts";

export interface FairDoorParts {
  readonly world: { readonly clock: Pick<Clock, "monotonic"> };
  readonly config: Pick<EngineConfig, "fairInFlight" | "fairWithinMs" | "fairWaitingMax">;
}

/** Called once what was begun is answered, however; again it does nothing. */
export type Done = () => void;
type Work = (done: Done) => void;

/**
 * Reports of workers have a line of their own: behind its tenant's starts a step would wait. So has what
 * another control plane passes on, which ends here: behind what is passed on from here, which waits for that
 * one, each would wait for the other.
 */
export interface Asking {
  readonly tenant: TenantId;
  readonly from: "clients" | "peers" | "workers";
}

interface Line {
  readonly tenant: TenantId;
  askedMs: number;
  /** Begun and not done. */
  open: number;
  waiting: Work[];
  head: number;
  /** Further down the stack somebody lets this line in already. */
  isEntering: boolean;
}

/** Once the others have gone, what waited because of them may be so many times as much at once. */
const aloneFactor = 32;
/** Lines that are remembered; those that ask for nothing are forgotten beyond that. */
const linesMax = 1_000;

/**
 * Tenants beside each other at the one thread that decides. Whoever is alone comes in at once, however
 * much it asks for; while several ask, each may have a few inputs under way, and what is more waits in its
 * own line: so one waits for some inputs of another and never for its thousands.
 */
export class FairDoor {
  private readonly parts: FairDoorParts;
  private readonly lines = new Map<string, Line>();
  private last: Line | undefined;
  /** When two tenants were last seen beside each other. */
  private besideMs = Number.NEGATIVE_INFINITY;
  private isOpen = false;

  constructor(parts: FairDoorParts) {
    this.parts = parts;
  }

  /**
   * Begins the work now or when the tenant's turn has come, in the order in which it came. The work must not
   * throw. Throws `limit_exceeded` when too much waits already.
   */
  enter({ tenant, from }: Asking, work: Work): void {
    const { fairWaitingMax } = this.parts.config;
    const line = this.asking(tenant, from);
    const waiting = line.waiting.length - line.head;
    if (this.isOpen || (waiting === 0 && this.hasRoom(line))) return this.begin(line, work);
    if (waiting >= fairWaitingMax) throw tooManyWaiting(fairWaitingMax);
    line.waiting.push(work);
  }

  /** Everything that waits comes in, and from now on whatever comes. */
  open(): void {
    this.isOpen = true;
    for (const line of this.lines.values()) this.letIn(line);
  }

  private asking(tenant: TenantId, from: Asking["from"]): Line {
    const nowMs = this.parts.world.clock.monotonic();
    const key = `${tenant} ${from}`;
    const known = this.lines.get(key);
    if (known === undefined && this.lines.size >= linesMax) this.forgetIdle(nowMs);
    const line = known ?? { tenant, askedMs: nowMs, open: 0, waiting: [], head: 0, isEntering: false };
    if (known === undefined) this.lines.set(key, line);
    const { last } = this;
    if (last !== undefined && last.tenant !== tenant) {
      // One that asked long ago is beside nobody.
      if (last.open > 0 || this.isRecent(last.askedMs, nowMs)) this.besideMs = nowMs;
    }
    this.last = line;
    line.askedMs = nowMs;
    return line;
  }

  private isRecent(atMs: number, nowMs: number): boolean {
    return nowMs - atMs < this.parts.config.fairWithinMs;
  }

  private forgetIdle(nowMs: number): void {
    for (const [key, { askedMs, open }] of this.lines) {
      if (open === 0 && !this.isRecent(askedMs, nowMs)) this.lines.delete(key);
    }
  }

  private hasRoom({ open, waiting }: Line): boolean {
    const { fairInFlight } = this.parts.config;
    if (this.isOpen || open < fairInFlight) return true;
    if (this.isRecent(this.besideMs, this.parts.world.clock.monotonic())) return false;
    return waiting.length === 0 || open < fairInFlight * aloneFactor;
  }

  private begin(line: Line, work: Work): void {
    let isDone = false;
    line.open++;
    work(() => {
      if (isDone) return;
      isDone = true;
      line.open--;
      this.letIn(line);
    });
  }

  private letIn(line: Line): void {
    // What is done at once would else let in the next from within itself, and that the next.
    if (line.isEntering) return;
    line.isEntering = true;
    for (let work = line.waiting[line.head]; work !== undefined && this.hasRoom(line); ) {
      line.head++;
      if (line.head === line.waiting.length || line.head > 1_024) {
        line.waiting = line.waiting.slice(line.head);
        line.head = 0;
      }
      this.begin(line, work);
      work = line.waiting[line.head];
    }
    line.isEntering = false;
  }
}

function tooManyWaiting(max: number): AgentFlowError {
  return new AgentFlowError("limit_exceeded", "too much of this tenant waits to be taken up", {
    reason: "too_many_waiting",
    details: { max, retryAfterMs: 1_000 },
  });
}
