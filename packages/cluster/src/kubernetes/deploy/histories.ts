/** Before another control plane takes over: whether it can read every history that is alive. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import { historiesRefusal } from "../../model/histories-refusal.ts";
import { kubernetesLabels } from "../labels.ts";
import { applyObject, removeObject } from "./apply.ts";
import type { Deploying, DeployPlan } from "./deploying.ts";
import { isObject, kindOf, labelsOf, listAt, objectAt, objectsAt, textAt, textsAt } from "./reading.ts";
import type { Revision } from "./revisions.ts";
import { marksOf } from "./marks.ts";
import { viewOf, waitingOf, waitUntilReady } from "./wait.ts";
import { ownLabels } from "./namespace.ts";

/**
 * Only an installation that was deployed has histories, and only another image may read them differently. A
 * control plane that somebody took away has left its histories behind: what ran last is `ran`.
 */
export function isHistoryCheckNeeded(
  { changes, objects }: Pick<DeployPlan, "changes" | "objects">,
  ran: readonly JsonObject[] | "unknown" | undefined,
): boolean {
  const found = changes.find(({ object }) => isControlPlane(object));
  if (found?.change === "change")
    return found.fields.some(({ path }) => /containers\[[^\]]*\]\.image$/.test(path));
  if (found?.change !== "create" || ran === undefined) return false;
  return ran === "unknown" || imagesOf(ran) !== imagesOf(objects);
}

function imagesOf(objects: readonly JsonObject[]): string {
  const spec = objectAt(objects.find(isControlPlane), "spec", "template", "spec");
  return objectsAt(spec, "containers")
    .map((container) => textAt(container, "image"))
    .join(" ");
}

function isControlPlane(object: JsonObject): boolean {
  return kindOf(object) === "Deployment" && labelsOf(object)[kubernetesLabels.part] === "control-plane";
}

/** Nothing else is applied when it refuses, with `history_incompatible`. `last` is what ran before. */
export async function checkHistories(
  deploying: Deploying,
  plan: DeployPlan,
  last: Revision | undefined,
): Promise<void> {
  const { access, release, pace, progress, timeoutMs } = deploying;
  const wanted = plan.objects.find(isControlPlane);
  if (wanted === undefined) return;
  const isBusGone = plan.changes.some(
    ({ change, object }) => change === "create" && kindOf(object) === "StatefulSet",
  );
  if (isBusGone) throw busGone(release.target, last);
  progress.step("the new control plane reads all live histories");
  const job = historyCheck(wanted, {
    name: `${release.name}-check`,
    labels: ownLabels(release),
    withinSeconds: Math.ceil(timeoutMs / 1_000),
  });
  const view = await viewOf(deploying);
  const before = marksOf(view.seen());
  await removeObject(deploying, job);
  view.wrote(await applyObject(access, job, true));
  try {
    await waitUntilReady({
      ...waitingOf(deploying, view),
      objects: [job],
      before,
      untilMs: pace.nowMs() + timeoutMs,
      onState: (title, state) => {
        progress.object(title, state);
      },
    });
  } catch (error) {
    throw refusal(error);
  } finally {
    await view.close();
    await access
      .remove({ apiVersion: "batch/v1", kind: "Job", name: `${release.name}-check` })
      .catch(() => false);
  }
}

function refusal(error: unknown): unknown {
  if (!AgentFlowError.is(error) || error.reason !== "job_failed") return error;
  return historiesRefusal(error, "af deploy status");
}

function busGone(target: string, last: Revision | undefined): AgentFlowError {
  const number = last === undefined ? "REVISION" : String(last.number);
  return new AgentFlowError(
    "refused",
    "NATS is gone, and with it the histories that another image has to read",
    {
      reason: "histories_not_read",
      suggestions: [
        `bring back what ran last: af deploy rollback ${number} --target ${target}`,
        `then deploy this: af deploy ${target}`,
      ],
    },
  );
}

/**
 * The control plane's own pod, run once with another word at the end. It carries the same labels, so that
 * policies let it reach the bus; a gate that nobody opens keeps the Service from sending anybody there.
 */
export function historyCheck(
  deployment: JsonObject,
  of: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    /** Nobody asks it any more after that, also where whoever asked has died. */
    readonly withinSeconds: number;
  },
): JsonObject {
  const template = objectAt(deployment, "spec", "template");
  const spec = objectAt(template, "spec");
  const containers = objectsAt(spec, "containers").map((container, n): JsonObject => {
    const {
      livenessProbe: _l,
      readinessProbe: _r,
      startupProbe: _s,
      lifecycle: _c,
      ports: _p,
      ...rest
    } = container;
    if (n > 0) return rest;
    return { ...rest, args: [...listAt(rest, "args"), "--check-histories"] };
  });
  const { topologySpreadConstraints: _t, ...kept } = spec;
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: of.name, labels: { ...of.labels, [kubernetesLabels.part]: "check" } },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: of.withinSeconds,
      ttlSecondsAfterFinished: 3_600,
      template: {
        metadata: { labels: { ...textsAt(template, "metadata", "labels") } },
        spec: {
          ...(isObject(kept) ? kept : {}),
          containers,
          restartPolicy: "Never",
          readinessGates: [{ conditionType: "agentflow.dev/serves" }],
        },
      },
    },
  };
}
