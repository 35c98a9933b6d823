/** Waits until workloads are ready, and not a moment longer once one cannot become so. */
import { AgentFlowError, type JsonObject, showDuration } from "@agentflow/protocol";
import type { Pace } from "../pace.ts";
import { kubernetesLabels } from "../labels.ts";
import type { Access } from "./access.ts";
import type { Deploying } from "./deploying.ts";
import { failureOf } from "./explain.ts";
import { type Health, judge, sinceKey, type Trouble } from "./health.ts";
import { freeRollouts, type HeldUp, heldUpBy } from "./held-up.ts";
import { type Judging, newEvents } from "./marks.ts";
import { kindOf, textAt, titleOf } from "./reading.ts";
import { isWorkload, podsOf, type Seen } from "./seen.ts";
import { isNodeComing } from "./scale-up.ts";
import { openView, type ReleaseView } from "./view.ts";

export interface Waiting {
  readonly access: Access;
  readonly view: ReleaseView;
  readonly objects: readonly JsonObject[];
  /** From before anything was applied. */
  readonly before: ReadonlyMap<string, number>;
  readonly untilMs: number;
  readonly timeoutMs: number;
  readonly graceMs: number;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly onStep: (text: string) => void;
  readonly onState: (title: string, state: "starting" | "ready" | "failed", why?: string) => void;
}

/** What has to last is measured by our own clock: nobody tells when it has. */
const tickMs = 1_000;

export async function waitUntilReady(waiting: Waiting): Promise<void> {
  const { access, view, pace, signal, onState } = waiting;
  const titles = waiting.objects.filter((one) => isWorkload({ kind: kindOf(one) })).map(titleOf);
  if (titles.length === 0) return;
  const since = new Map<string, number>();
  const told = new Map<string, string>();
  const freed = new Set<string>();
  for (;;) {
    signal.throwIfAborted();
    const { before, graceMs, untilMs } = waiting;
    const judging: Judging = { nowMs: pace.nowMs(), since, before, graceMs };
    await freeRollouts(heldUpIn(titles, view.seen(), judging), { ...waiting, freed });
    const states = statesOf(titles, view.seen(), judging);
    if (states.some(([, { state }]) => state === "failed")) {
      // Its events come by another way than itself: looked at anew, both are there, or it has mended.
      const seen = await view.refresh();
      for (const [title, health] of statesOf(titles, seen, judging)) {
        if (health.state !== "failed" || (await mayStillStart(health, { ...waiting, since }))) continue;
        onState(title, "failed");
        throw await failureOf(health, { access, seen, judging });
      }
      continue;
    }
    for (const [title, health] of states) {
      if (told.get(title) === health.state) continue;
      told.set(title, health.state);
      if (health.state === "ready") onState(title, "ready");
      else if (health.state === "waiting") onState(title, "starting", health.why);
    }
    const open = states.filter(([, { state }]) => state !== "ready");
    if (open.length === 0) return;
    if (judging.nowMs >= untilMs) throw late(open, { waiting, seen: view.seen(), judging });
    await view.change(Math.min(tickMs, untilMs - judging.nowMs));
  }
}

/** A pod without a node is given another while when one is on its way, until the wait is over. */
async function mayStillStart(
  { reason, pod = "" }: Trouble,
  of: Pick<Waiting, "access" | "onStep" | "pace" | "untilMs"> & { readonly since: Map<string, number> },
): Promise<boolean> {
  if (reason !== "unschedulable" || of.pace.nowMs() >= of.untilMs) return false;
  if (!(await isNodeComing(of.access, pod))) return false;
  of.since.delete(sinceKey(pod, reason));
  of.onStep(`a node is on its way for pod ${pod}`);
  return true;
}

/** Opened before anything is applied; whoever opens it closes it. */
export async function viewOf({ access, release, pace, signal, progress }: Deploying): Promise<ReleaseView> {
  return openView({
    access,
    selector: `${kubernetesLabels.instance}=${release.name}`,
    pace,
    signal,
    onPolling: (kind) => {
      progress.step(`changes of ${kind} cannot be watched here: asking every second`);
    },
  });
}

/** What waits within one deploy have in common. */
export function waitingOf(
  { access, pace, signal, progress, timeoutMs, graceMs = Math.min(30_000, timeoutMs / 2) }: Deploying,
  view: ReleaseView,
): Omit<Waiting, "objects" | "before" | "untilMs" | "onState"> {
  const onStep = (text: string): void => {
    progress.step(text);
  };
  return { access, view, timeoutMs, graceMs, pace, signal, onStep };
}

function heldUpIn(titles: readonly string[], seen: Seen, judging: Judging): readonly HeldUp[] {
  const waitedFor = seen.workloads.filter((one) => titles.includes(titleOf(one)));
  return waitedFor.flatMap((one) => heldUpBy(one, seen, judging));
}

function statesOf(titles: readonly string[], seen: Seen, judging: Judging): [string, Health][] {
  return titles.map((title) => {
    const found = seen.workloads.find((one) => titleOf(one) === title);
    const missing: Health = { state: "waiting", why: "is not there" };
    return [title, found === undefined ? missing : judge(found, seen, judging)];
  });
}

function late(
  open: readonly (readonly [string, Health])[],
  of: { readonly waiting: Waiting; readonly seen: Seen; readonly judging: Judging },
): AgentFlowError {
  const { waiting, seen, judging } = of;
  const what = open.map(([title, health]) => `${title} (${health.state === "waiting" ? health.why : ""})`);
  const events = open.flatMap(([title]) => {
    const workload = seen.workloads.find((one) => titleOf(one) === title);
    const about = workload === undefined ? [] : [workload, ...podsOf(workload, seen)];
    return about.flatMap((one) =>
      newEvents(one, seen, judging.before).map(
        (event) => `${textAt(event, "reason")}: ${textAt(event, "message")}`,
      ),
    );
  });
  const after = showDuration(waiting.timeoutMs);
  return new AgentFlowError("timeout", `not ready after ${after}: ${what.join(", ")}; it goes on starting`, {
    reason: "deploy_not_ready",
    details: { objects: open.map(([title]) => title), events: [...new Set(events)].slice(-8), lines: [] },
    suggestions: ["how far it is: af deploy status", "wait longer: af deploy --timeout 15m"],
  });
}
