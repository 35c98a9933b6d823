/** What the pods of a release print, whatever becomes of them: also of those that replace others. */
import type { V1Pod } from "@kubernetes/client-node";
import type { ContainerLine, FollowingLines, ReadingLines } from "../../docker/logs.ts";
import type { Cluster } from "../cluster.ts";
import { type Pace, realPace } from "../pace.ts";
import { LineCursor, type Told } from "./line-cursor.ts";
import { followLog, type LogEnd } from "./log-stream.ts";
import { watchPods } from "./pod-watch.ts";
import { type InCluster, podName, releasePods, shortName } from "./release-pods.ts";
import { TextLines } from "./text-lines.ts";

/** The newest lines of every container there is, also of those that have ended; not in one order. */
export async function readPodLines(
  cluster: Cluster,
  of: InCluster,
  reading: ReadingLines,
): Promise<ContainerLine[]> {
  const pods = await releasePods(cluster, of);
  const containers = pods.flatMap((pod) => containersOf(pod, of));
  const each = await Promise.all(containers.map((one) => linesOf(cluster, one, reading)));
  return each.flat();
}

/**
 * Every line behind those that were read, each once and in the order of its container, until the signal
 * aborts. A cluster that goes away is waited for; a pod that is replaced, and a container that is started
 * again, are followed.
 */
export async function followPodLines(
  cluster: Cluster,
  of: InCluster,
  following: FollowingLines,
): Promise<void> {
  const { signal, pace = realPace } = following;
  const follower = new PodFollower(cluster, { ...following, pace });
  await watchPods(cluster, of, {
    signal,
    pace,
    onPod: (pod) => {
      for (const container of containersOf(pod, of)) follower.follow(container);
    },
  });
}

interface Container {
  /** Of the pod and the container in it: a pod that replaces another one has another. */
  readonly id: string;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly copy: string;
  readonly restarts: number;
  readonly hasRun: boolean;
  readonly isRunning: boolean;
}

const againMs = 1_000;
/** Containers that have ended and are remembered; hundreds of times what any release has. */
const endedMax = 10_000;

class PodFollower {
  readonly #cluster: Cluster;
  readonly #following: FollowingLines & { readonly pace: Pace };
  /** As they were last seen; those whose output is being read. */
  readonly #open = new Map<string, Container>();
  readonly #told = new Map<string, Told>();
  /** How often a container had been started when its output came to an end. */
  readonly #ended = new Map<string, number>();

  constructor(cluster: Cluster, following: FollowingLines & { readonly pace: Pace }) {
    this.#cluster = cluster;
    this.#following = following;
    for (const [id, time] of following.behind) this.#told.set(id, { time, count: Number.MAX_SAFE_INTEGER });
  }

  follow(container: Container): void {
    const { id, restarts, hasRun } = container;
    if (!hasRun || this.#following.signal.aborted) return;
    if (this.#open.has(id)) return void this.#open.set(id, container);
    if ((this.#ended.get(id) ?? -1) >= restarts) return;
    this.#open.set(id, container);
    void this.#whole(container).finally(() => {
      const last = this.#open.get(id);
      this.#open.delete(id);
      if (last !== undefined && last.restarts > container.restarts) this.follow(last);
    });
  }

  /** One run of a container, until it has ended; over connections that break. */
  async #whole(run: Container): Promise<void> {
    const { signal, pace, onEnd } = this.#following;
    const { id, copy, pod } = run;
    // What it printed before it was started again, when nobody listened.
    if (run.restarts > 0 && this.#told.has(id)) await this.#read(run, true);
    while (!isAborted(signal)) {
      const end = await this.#read(run, false);
      if (end === "refused" || isAborted(signal)) return;
      if (end !== "broken" && !(await this.#goesOn(run))) {
        onEnd?.({ copy, container: pod });
        return;
      }
      await pace.wait(againMs, signal).catch(() => undefined);
    }
  }

  async #read(of: Container, previous: boolean): Promise<LogEnd> {
    const { signal, sinceMs, onLine } = this.#following;
    const { id, copy, pod } = of;
    const cursor = new LineCursor(this.#told.get(id));
    const fromMs = cursor.told === undefined ? sinceMs : Date.parse(cursor.told.time);
    return followLog(this.#cluster, {
      place: of,
      signal,
      previous,
      ...(fromMs === undefined ? {} : { sinceMs: fromMs }),
      onLine: (line) => {
        if (!cursor.take(line.time)) return;
        if (cursor.told !== undefined) this.#told.set(id, cursor.told);
        onLine({ ...line, id, copy, container: pod });
      },
    });
  }

  /** A stream that ended cleanly says nothing about its container: that is looked at. */
  async #goesOn(run: Container): Promise<boolean> {
    const now = await this.#look(run);
    if (now === undefined) return true;
    if (now !== "gone" && now.isRunning && now.restarts === run.restarts) return true;
    // A pod that is gone never comes back: what was told of it need not be kept.
    if (now === "gone") this.#told.delete(run.id);
    this.#ended.set(run.id, now === "gone" ? Number.MAX_SAFE_INTEGER : run.restarts);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > endedMax && oldest !== undefined) this.#ended.delete(oldest);
    return false;
  }

  /** Undefined when the cluster does not say. */
  async #look({ namespace, pod, id, container }: Container): Promise<Container | "gone" | undefined> {
    try {
      const found = await this.#cluster.ask(`looking at pod ${pod}`, ({ core }) =>
        core.readNamespacedPod({ namespace, name: pod }),
      );
      const all = containersOf(found, { namespace, release: "" });
      return all.find((one) => one.id === id && one.container === container) ?? "gone";
    } catch (error) {
      const isGone = error instanceof Error && "code" in error && error.code === "not_found";
      return isGone ? "gone" : undefined;
    }
  }
}

/** Of one container: its lines may be as long as it likes. */
const readBytesMax = 32 * 1_024 * 1_024;

async function linesOf(cluster: Cluster, of: Container, reading: ReadingLines): Promise<ContainerLine[]> {
  const { tail, sinceMs, previous = false } = reading;
  const { namespace, pod, id, copy } = of;
  if (!of.hasRun || (previous && of.restarts === 0)) return [];
  const sinceSeconds = sinceMs === undefined ? {} : { sinceSeconds: secondsSince(sinceMs) };
  const out: ContainerLine[] = [];
  const lines = new TextLines((line) => {
    if (Date.parse(line.time) >= (sinceMs ?? 0)) out.push({ ...line, id, copy, container: pod });
  });
  try {
    const text = await cluster.ask(`reading what ${pod} prints`, ({ core }) =>
      core.readNamespacedPodLog({
        namespace,
        name: pod,
        container: of.container,
        previous,
        tailLines: tail,
        limitBytes: readBytesMax,
        timestamps: true,
        ...sinceSeconds,
      }),
    );
    lines.push(Buffer.from(text));
    lines.end(true);
  } catch {
    // It has nothing to read, or went meanwhile: the others are told.
  }
  return out;
}

/** The server counts by its own clock: one minute more leaves room for a difference. */
function secondsSince(sinceMs: number): number {
  return Math.max(1, Math.ceil((realPace.nowMs() - sinceMs) / 1_000) + 60);
}

function containersOf(pod: V1Pod, of: InCluster): Container[] {
  const { metadata, spec, status } = pod;
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const isAlone = statuses.length === 1 && (spec?.initContainers ?? []).length === 0;
  return statuses.map(({ name, restartCount, state }) => {
    const short = shortName(pod, of);
    return {
      id: `${metadata?.uid ?? ""}/${name}`,
      namespace: of.namespace,
      pod: podName(pod),
      container: name,
      copy: isAlone ? short : `${short}/${name}`,
      restarts: restartCount,
      hasRun: state?.running !== undefined || state?.terminated !== undefined || restartCount > 0,
      isRunning: state?.running !== undefined,
    };
  });
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
