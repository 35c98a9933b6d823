/**
 * What the containers of an installation print, whatever becomes of them: also of those that replace
 * others.
 */
import type Docker from "dockerode";
import { Readable } from "node:stream";
import { labels } from "../model/names.ts";
import { type Engine } from "./engine/open.ts";
import { LogLines, type OutputLine } from "./log-lines.ts";
import type { Installed } from "./observe.ts";
import { type Pace, realPace } from "./pace.ts";
import { parseEvent } from "./parse-event.ts";

export interface ContainerLine extends OutputLine {
  /** `<part>-<n>`. */
  readonly copy: string;
  readonly container: string;
  /** The container's own: another that replaces it has another. */
  readonly id: string;
}

/** The engine's time of the last line of each container, by id: no other clock says what comes behind it. */
export type ContainerTimes = ReadonlyMap<string, string>;

export function timesOf(lines: readonly ContainerLine[]): ContainerTimes {
  return new Map(lines.map(({ id, time }) => [id, time]));
}

export interface ReadingLines {
  /** The newest so many of each container. */
  readonly tail: number;
  /** Unix milliseconds. */
  readonly sinceMs?: number;
  /** Only what a container printed before it was last started. */
  readonly previous?: boolean;
}

export interface FollowingLines {
  /** What was read; of a container that is not named here everything is told. */
  readonly behind: ContainerTimes;
  /** Unix milliseconds: nothing older. */
  readonly sinceMs?: number;
  readonly signal: AbortSignal;
  readonly onLine: (line: ContainerLine) => void;
  /** A container printed its last line. */
  readonly onEnd?: (of: Pick<ContainerLine, "copy" | "container">) => void;
  readonly pace?: Pace;
}

/** The newest lines of every container there is, also of those that have ended; not in one order. */
export async function readContainerLines(
  engine: Engine,
  of: Installed,
  reading: ReadingLines,
): Promise<ContainerLine[]> {
  const containers = await containersOf(engine, of);
  const each = await Promise.all(containers.map((one) => linesOf(engine, one, reading).catch(() => [])));
  return each.flat();
}

/**
 * Every line behind those that were read, each once and in the order of its container, until the
 * signal aborts. An engine
 * that goes away is waited for.
 */
export async function followContainerLines(
  engine: Engine,
  of: Installed,
  following: FollowingLines,
): Promise<void> {
  const { signal, pace = realPace } = following;
  const follower = new ContainerFollower(engine, following);
  while (!signal.aborted) {
    const over = new AbortController();
    try {
      // Events first: a container that is started meanwhile is in the list, in the events, or in both.
      const events = await eventsOf(engine, of, AbortSignal.any([signal, over.signal]));
      for (const container of await containersOf(engine, of)) follower.follow(container);
      for await (const container of events) follower.follow(container);
    } catch {
      // It is asked again, and told what happens once.
      over.abort();
    }
    if (!signal.aborted) await pace.wait(retryMs, signal).catch(() => undefined);
  }
}

const retryMs = 1_000;

interface Container {
  readonly id: string;
  readonly name: string;
  readonly copy: string;
}

class ContainerFollower {
  readonly #engine: Engine;
  readonly #following: FollowingLines;
  /** Containers whose output is being read. */
  readonly #open = new Set<string>();
  readonly #again = new Set<string>();
  /** The time of the last line of each container: one that is started again goes on behind it. */
  readonly #last: Map<string, string>;

  constructor(engine: Engine, following: FollowingLines) {
    this.#engine = engine;
    this.#following = following;
    this.#last = new Map(following.behind);
  }

  follow(container: Container): void {
    const { id } = container;
    // Started again before the end of its output came here.
    if (this.#open.has(id)) return void this.#again.add(id);
    this.#open.add(id);
    void this.#read(container)
      .catch(() => undefined)
      .finally(() => {
        this.#open.delete(id);
        if (this.#again.delete(id) && !this.#following.signal.aborted) this.follow(container);
      });
  }

  async #read(container: Container): Promise<void> {
    const { id, copy, name } = container;
    const { signal, sinceMs = 0, onLine, onEnd } = this.#following;
    const behind = this.#last.get(id) ?? "";
    const since = Math.floor((behind === "" ? sinceMs : Date.parse(behind)) / 1_000);
    const stream = await this.#engine.ask("following a container's output", async (docker) => {
      const options = { follow: true, stdout: true, stderr: true, timestamps: true, since } as const;
      return docker.getContainer(id).logs(options);
    });
    const lines = new LogLines((line) => {
      if (behind !== "" && line.time <= behind) return;
      this.#last.set(id, line.time);
      onLine({ ...line, id, copy, container: name });
    });
    await piped(stream, lines, signal);
    if (!signal.aborted) onEnd?.({ copy, container: name });
  }
}

function piped(stream: NodeJS.ReadableStream, lines: LogLines, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      signal.removeEventListener("abort", leave);
      lines.end();
      resolve();
    };
    const leave = (): void => destroy(stream);
    stream.on("data", (chunk: Buffer) => {
      try {
        lines.push(chunk);
      } catch {
        destroy(stream);
      }
    });
    stream.on("end", end);
    stream.on("close", end);
    stream.on("error", end);
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
  });
}

function destroy(stream: NodeJS.ReadableStream): void {
  if (stream instanceof Readable) stream.destroy();
}

async function linesOf(engine: Engine, of: Container, reading: ReadingLines): Promise<ContainerLine[]> {
  const { tail, sinceMs, previous = false } = reading;
  const { id, copy, name: container } = of;
  return engine.ask("reading a container's output", async (docker) => {
    const one = docker.getContainer(id);
    const startedMs = previous ? Date.parse((await one.inspect()).State.StartedAt) : Number.POSITIVE_INFINITY;
    const since = sinceMs === undefined ? {} : { since: Math.floor(sinceMs / 1_000) };
    const until = previous ? { until: Math.ceil(startedMs / 1_000) } : {};
    const options = { stdout: true, stderr: true, timestamps: true, tail, ...since, ...until } as const;
    const output = await one.logs(options);
    const out: ContainerLine[] = [];
    const lines = new LogLines((line) => out.push({ ...line, id, copy, container }));
    lines.push(Buffer.from(output));
    lines.end();
    return out.filter(({ time }) => {
      const atMs = Date.parse(time);
      return atMs < startedMs && atMs >= (sinceMs ?? 0);
    });
  });
}

async function containersOf(engine: Engine, of: Installed): Promise<Container[]> {
  return engine.ask("looking at the containers", async (docker) => {
    const filters = { label: labelsOf(of) };
    const listed = await docker.listContainers({ all: true, filters });
    return listed.map((info: Docker.ContainerInfo) => ({
      id: info.Id,
      name: (info.Names[0] ?? "").replace(/^\//, ""),
      copy: `${info.Labels[labels.part] ?? ""}-${info.Labels[labels.copy] ?? ""}`,
    }));
  });
}

function labelsOf({ project, target }: Installed): string[] {
  return [`${labels.project}=${project}`, `${labels.target}=${target}`];
}

/** Containers of the installation as they are started. */
async function eventsOf(
  engine: Engine,
  of: Installed,
  signal: AbortSignal,
): Promise<AsyncIterable<Container>> {
  const stream = await engine.ask("following what happens to containers", async (docker) => {
    const filters = JSON.stringify({ type: ["container"], event: ["start"], label: labelsOf(of) });
    return docker.getEvents({ filters });
  });
  const leave = (): void => destroy(stream);
  signal.addEventListener("abort", leave, { once: true });
  stream.on("close", () => signal.removeEventListener("abort", leave));
  return started(stream);
}

async function* started(stream: NodeJS.ReadableStream): AsyncGenerator<Container> {
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = parseEvent(line);
      if (event === undefined) continue;
      const { id, attributes } = event;
      const copy = `${attributes[labels.part] ?? ""}-${attributes[labels.copy] ?? ""}`;
      yield { id, name: attributes["name"] ?? "", copy };
    }
  }
}
