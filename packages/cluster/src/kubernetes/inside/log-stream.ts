/** The output of one container as it is printed. */
import { PassThrough, type Readable } from "node:stream";
import type { Cluster } from "../cluster.ts";
import { answerCodeOf } from "../client/index.ts";
import type { OutputLine } from "../../docker/log-lines.ts";
import { TextLines } from "./text-lines.ts";

export interface LogPlace {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

export interface LogFollowing {
  readonly place: LogPlace;
  /** Nothing older; whole seconds count. */
  readonly sinceMs?: number;
  /** Of the run of the container before that of now: it ends by itself. */
  readonly previous?: boolean;
  readonly signal: AbortSignal;
  readonly onLine: (line: OutputLine) => void;
}

/**
 * `ended`: all of it came. `broken`: the connection went. `absent`: there is nothing to read yet, or no more;
 * `refused`: we may not read it.
 */
export type LogEnd = "ended" | "broken" | "absent" | "refused";

/** Never throws; a stream ends cleanly too when its pod is deleted. */
export async function followLog(cluster: Cluster, following: LogFollowing): Promise<LogEnd> {
  const { place, sinceMs, previous = false, signal, onLine } = following;
  if (signal.aborted) return "broken";
  const { Log } = await import("@kubernetes/client-node");
  const through = new PassThrough();
  let isBroken = false;
  // What the client pipes from tells of a connection that broke, and of nobody else would.
  through.on("pipe", (source: Readable) => {
    source.on("error", () => {
      isBroken = true;
      through.destroy();
    });
  });
  let abort: AbortController;
  try {
    abort = await new Log(cluster.config).log(place.namespace, place.pod, place.container, through, {
      follow: !previous,
      previous,
      timestamps: true,
      ...(sinceMs === undefined
        ? {}
        : { sinceTime: new Date(sinceMs).toISOString().replace(/\.\d+Z$/, "Z") }),
    });
  } catch (error) {
    const code = answerCodeOf(error);
    if (code === 403 || code === 401) return "refused";
    return code === 400 || code === 404 || code === 204 ? "absent" : "broken";
  }
  const leave = (): void => abort.abort();
  signal.addEventListener("abort", leave, { once: true });
  if (isAborted(signal)) leave();
  const lines = new TextLines(onLine);
  try {
    for await (const chunk of through) if (chunk instanceof Uint8Array) lines.push(Buffer.from(chunk));
  } catch {
    isBroken = true;
  } finally {
    signal.removeEventListener("abort", leave);
    abort.abort();
  }
  lines.end(!isBroken);
  return isBroken ? "broken" : "ended";
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
