/** Goes on with what comes, by push: over a restart of everything, each line once. */
import { AgentFlowError, type LogRecord, type RunAnswer } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { setTimeout as delay } from "node:timers/promises";
import { asksForRuns } from "./conditions.ts";
import type { ContainerSide } from "./container-follow.ts";
import { holding } from "./holding.ts";
import { type Line, lineOf } from "./line.ts";
import { watchAnswers } from "./liveness.ts";
import { linesOf, type LogPlace, type LogReading, readLogs } from "./read.ts";
import { Seen } from "./seen.ts";

export interface LogFollowing extends LogReading {
  /** Absent: nobody has answered yet; then it begins with what the containers print. */
  readonly place?: LogPlace;
  readonly seen: Seen;
  readonly signal: AbortSignal;
  /** Told of lines that are handed out together. */
  readonly onRecords: (records: readonly LogRecord[]) => void;
  /** Resolves once what was told has left: until then nothing more is read. */
  readonly ready: () => Promise<void>;
  /** The control plane does not answer; it is asked again, and what comes then is behind what was shown. */
  readonly onLost: () => void;
  readonly onFound: () => void;
  /** Where an engine carries the installation: its containers beside the stream, and instead of it. */
  readonly containers?: (add: (record: LogRecord) => void, signal: AbortSignal) => ContainerSide;
  /** Whether the control plane says anything when it is asked: then a silent stream is no lost one. */
  readonly answers?: (signal: AbortSignal) => Promise<boolean>;
}

/** Patient clients wait for who does not answer; others say soon that nobody does. */
type Connect = (options: { readonly patient: boolean }) => Promise<Client>;

/** Telemetry leaves in batches: what a run said last arrives a little after its end. */
const lastRecordsMs = 500;
const askAgainMs = 1_000;
const missedMax = 1_000;

/** Until the signal, or until the run ends: then its answer. */
export async function followLogs(connect: Connect, of: LogFollowing): Promise<RunAnswer | undefined> {
  const stop = new AbortController();
  const leave = (): void => stop.abort();
  of.signal.addEventListener("abort", leave, { once: true });
  if (of.signal.aborted) leave();
  const held = holding(of.seen, of.onRecords);
  const add = (lines: readonly Line[]): void => held.add(lines);
  const side = of.containers?.((record) => add([lineOf(record)]), stop.signal);
  const following = new Following(connect, of, { stop, add, side });
  try {
    await following.run();
  } finally {
    held.flush();
    stop.abort();
    of.signal.removeEventListener("abort", leave);
  }
  return following.answer;
}

interface Parts {
  readonly stop: AbortController;
  readonly add: (lines: readonly Line[]) => void;
  readonly side: ContainerSide | undefined;
}

class Following {
  answer: RunAnswer | undefined;
  readonly #connect: Connect;
  readonly #of: LogFollowing;
  readonly #parts: Parts;
  readonly #beganMs = Date.now();
  #client: Client | undefined;
  #place: LogPlace | undefined;
  #heardMs = performance.now();
  /** Its stream broke; it hangs; and what was told of the two. */
  #isCut = false;
  #isSilent = false;
  #isLost = false;
  #isWaiting = false;

  constructor(connect: Connect, of: LogFollowing, parts: Parts) {
    this.#connect = connect;
    this.#of = of;
    this.#parts = parts;
    this.#place = of.place;
  }

  async run(): Promise<void> {
    const { stop, side } = this.#parts;
    if (this.#place === undefined) this.#cut(true);
    this.#watch();
    while (!isAborted(stop.signal)) {
      try {
        const client = (this.#client ??= await this.#connect({ patient: side === undefined }));
        this.#place ??= await this.#catchUp(client);
        this.#waitForEnd(client);
        await this.#stream(client, this.#place);
      } catch (error) {
        // Without containers there is nothing to show meanwhile: the client has waited long enough.
        if (side === undefined || !isAway(error)) throw error;
        this.#cut(true);
        await delay(askAgainMs, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    }
  }

  /** What came while nobody answered, and where to go on. */
  async #catchUp(client: Client): Promise<LogPlace> {
    const { conditions } = this.#of;
    const since = new Date(this.#beganMs).toISOString();
    const asked = { ...conditions.asked, since };
    // With a memory of its own: `add` leaves out what was shown.
    const asking = { ...this.#of, conditions: { ...conditions, asked }, tail: missedMax, seen: new Seen() };
    const page = await readLogs(client, asking);
    this.#parts.add(page.records.map(lineOf));
    return page.place;
  }

  async #stream(client: Client, place: LogPlace): Promise<void> {
    const { conditions, extras, ready } = this.#of;
    const { stop, add } = this.#parts;
    const { since: _, limit: _limit, newest: _newest, ...query } = conditions.asked;
    const isWhole = query.run !== undefined || extras.state || extras.bus;
    const events = isWhole ? ({ events: "all" } as const) : ({ events: "runs" } as const);
    const asking = {
      ...query,
      ...place,
      ...(asksForRuns(query, extras) ? events : {}),
      batch: true,
    } as const;
    const hooks = { onLost: () => this.#cut(true), onConnected: () => this.#cut(false) };
    for await (const item of client.telemetry.stream(asking, { signal: stop.signal, ...hooks })) {
      this.#heardMs = performance.now();
      if (item.kind !== "dropped" && item.cursor !== undefined) {
        this.#place = { ...this.#place, after: item.cursor };
      }
      add(linesOf(this.#of, item));
      await ready();
    }
    // The server ended it: it is asked again behind the last line.
  }

  /** The run's answer once it has ended, and then the end of the stream a little later. */
  #waitForEnd(client: Client): void {
    const { run } = this.#of.conditions.asked;
    const { stop } = this.#parts;
    if (run === undefined || this.#isWaiting) return;
    this.#isWaiting = true;
    const wait = async (): Promise<void> => {
      this.answer = await client.runs.wait(run, { signal: stop.signal });
      await delay(lastRecordsMs, undefined, { signal: stop.signal });
      stop.abort();
    };
    void wait().catch(() => {
      // Left, or lost for good: the stream says which.
      this.#isWaiting = false;
    });
  }

  /** Of what hangs the containers are shown too: it may be minutes until its connections break. */
  #watch(): void {
    const { stop, side } = this.#parts;
    const { answers } = this.#of;
    if (side === undefined || answers === undefined) return;
    const onSilent = (isSilent: boolean): void => {
      this.#isSilent = isSilent;
      this.#tell();
    };
    void watchAnswers({ heardMs: () => this.#heardMs, answers, signal: stop.signal, onSilent });
  }

  #cut(isCut: boolean): void {
    this.#isCut = isCut;
    if (!isCut) this.#heardMs = performance.now();
    this.#tell();
  }

  #tell(): void {
    const isLost = this.#isCut || this.#isSilent;
    if (isLost === this.#isLost) return;
    this.#isLost = isLost;
    this.#parts.side?.setRaw(isLost);
    if (isLost) this.#of.onLost();
    else this.#of.onFound();
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function isAway(error: unknown): boolean {
  return AgentFlowError.is(error) && (error.code === "unavailable" || error.code === "timeout");
}
