/** Before another control plane takes over: whether it can read every history that is alive. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import { kubernetesLabels } from "../labels.ts";
import { applyObject, removeObject } from "./apply.ts";
import type { Deploying, DeployPlan } from "./deploying.ts";
import type { PlannedChange } from "./plan.ts";
import { isObject, kindOf, labelsOf, listAt, objectAt, objectsAt, textsAt } from "./reading.ts";
import { look } from "./seen.ts";
import { marksOf } from "./marks.ts";
import { waitUntilReady } from "./wait.ts";
import { ownLabels } from "./namespace.ts";

/** Only one that is there has histories, and only another image may read them differently. */
export function isHistoryCheckNeeded(changes: readonly PlannedChange[]): boolean {
  const found = changes.find(({ object }) => isControlPlane(object));
  return (
    found?.change === "change" && found.fields.some(({ path }) => /containers\[[^\]]*\]\.image$/.test(path))
  );
}

function isControlPlane(object: JsonObject): boolean {
  return kindOf(object) === "Deployment" && labelsOf(object)[kubernetesLabels.part] === "control-plane";
}

/** Nothing else is applied when it refuses, with `history_incompatible`. */
export async function checkHistories(deploying: Deploying, plan: DeployPlan): Promise<void> {
  const { access, release, pace, signal, progress, timeoutMs } = deploying;
  const wanted = plan.objects.find(isControlPlane);
  if (wanted === undefined) return;
  progress.step("the new control plane reads all live histories");
  const job = historyCheck(wanted, { name: `${release.name}-check`, labels: ownLabels(release) });
  const selector = `${kubernetesLabels.instance}=${release.name}`;
  const before = marksOf(await look(access, { selector, names: [], events: true }));
  await removeObject(deploying, job);
  await applyObject(access, job, true);
  try {
    await waitUntilReady({
      access,
      selector,
      objects: [job],
      before,
      untilMs: pace.nowMs() + timeoutMs,
      timeoutMs,
      graceMs: Math.min(30_000, timeoutMs / 2),
      pace,
      signal,
      onState: (title, state) => {
        progress.object(title, state);
      },
    });
  } catch (error) {
    throw AgentFlowError.is(error) && error.reason === "job_failed" ? incompatible(error) : error;
  } finally {
    await access
      .remove({ apiVersion: "batch/v1", kind: "Job", name: `${release.name}-check` })
      .catch(() => false);
  }
}

function incompatible(error: AgentFlowError): AgentFlowError {
  return new AgentFlowError(
    "refused",
    "the new control plane cannot read every history that is alive; nothing was applied",
    {
      reason: "history_incompatible",
      details: error.details,
      suggestions: [
        "let those runs end on the control plane that there is, or cancel them: af run list --active",
        "what it said stands above",
      ],
      cause: error,
    },
  );
}

/**
 * The control plane's own pod, run once with another word at the end. It carries the same labels, so that
 * policies let it reach the bus; a gate that nobody opens keeps the Service from sending anybody there.
 */
export function historyCheck(
  deployment: JsonObject,
  of: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
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
