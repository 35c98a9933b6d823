/** Waits until workloads are ready, and not a moment longer once one cannot become so. */
import { AgentFlowError, type JsonObject, showDuration } from "@agentflow/protocol";
import type { Pace } from "../pace.ts";
import { type Access, identityOf } from "./access.ts";
import { failureOf } from "./explain.ts";
import { type Health, judge } from "./health.ts";
import { type Judging, newEvents } from "./marks.ts";
import { kindOf, nameOf, textAt, titleOf } from "./reading.ts";
import { isWorkload, look, podsOf, type Seen } from "./seen.ts";

export interface Waiting {
  readonly access: Access;
  readonly selector: string;
  readonly objects: readonly JsonObject[];
  /** From before anything was applied. */
  readonly before: ReadonlyMap<string, number>;
  readonly untilMs: number;
  readonly timeoutMs: number;
  readonly graceMs: number;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly onState: (title: string, state: "starting" | "ready" | "failed", why?: string) => void;
}

const lookMs = 150;
const lookMsMax = 1_000;

export async function waitUntilReady(waiting: Waiting): Promise<void> {
  const { access, selector, pace, signal, onState } = waiting;
  const names = waiting.objects.filter((one) => isWorkload({ kind: kindOf(one) })).map(identityOf);
  if (names.length === 0) return;
  const since = new Map<string, number>();
  const told = new Map<string, string>();
  for (let waitMs = lookMs; ; waitMs = Math.min(waitMs * 1.3, lookMsMax)) {
    signal.throwIfAborted();
    const seen = await look(access, { selector, names, events: true });
    const judging: Judging = {
      nowMs: pace.nowMs(),
      since,
      before: waiting.before,
      graceMs: waiting.graceMs,
    };
    const states = names.map(({ kind, name }): [string, Health] => {
      const found = seen.workloads.find((one) => kindOf(one) === kind && nameOf(one) === name);
      const missing: Health = { state: "waiting", why: "is not there" };
      return [`${kind}/${name}`, found === undefined ? missing : judge(found, seen, judging)];
    });
    for (const [title, health] of states) {
      if (health.state === "failed") {
        onState(title, "failed");
        throw await failureOf(health, { access, seen, judging });
      }
      if (told.get(title) === health.state) continue;
      told.set(title, health.state);
      onState(
        title,
        health.state === "ready" ? "ready" : "starting",
        health.state === "ready" ? "" : health.why,
      );
    }
    const open = states.filter(([, { state }]) => state !== "ready");
    if (open.length === 0) return;
    if (pace.nowMs() >= waiting.untilMs) throw late(open, { waiting, seen, judging });
    await pace.wait(waitMs, signal);
  }
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
