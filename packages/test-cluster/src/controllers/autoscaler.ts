/** HorizontalPodAutoscalers: replicas by the metrics that a test sets, and why there are none. */
import type { ObjectKey } from "../store.ts";
import type { Controller } from "../world/loop.ts";
import { type Autoscaler, type Condition, type Pod, parseObject } from "../world/parse-kinds.ts";
import { isActive, withCondition } from "../world/pods-state.ts";
import { matches } from "../world/selectors.ts";
import { change, get, list, type World } from "../world/world.ts";
import { type Measured, measure } from "./autoscaler-metrics.ts";

const resource = "horizontalpodautoscalers.autoscaling";
const syncSeconds = 15;
const tolerance = 0.1;

export function autoscalers(world: World): Controller {
  return {
    name: "autoscaler",
    concerns: (event) => (event.key.resource === resource && event.type === "ADDED" ? [event.key] : []),
    reconcile: (key) => reconcile(world, key),
  };
}

/** First it only appears: what it finds it says from the next round on. */
function reconcile(world: World, key: ObjectKey): number | undefined {
  const autoscaler = get(world.store, resource, key);
  if (autoscaler === undefined) return undefined;
  const seen = `hpa ${autoscaler.metadata.uid}`;
  if (!world.marks.has(seen)) world.marks.set(seen, world.time.seconds());
  else look(world, autoscaler);
  return syncSeconds;
}

interface Target {
  readonly resource: "deployments.apps" | "statefulsets.apps";
  readonly namespace: string;
  readonly name: string;
}

function look(world: World, autoscaler: Autoscaler): void {
  const { namespace = "" } = autoscaler.metadata;
  const { kind, name } = autoscaler.spec.scaleTargetRef;
  const at: Target = {
    resource: kind === "StatefulSet" ? "statefulsets.apps" : "deployments.apps",
    namespace,
    name,
  };
  const target = get(world.store, at.resource, at);
  if (target === undefined) {
    const why = `${at.resource} "${name}" not found`;
    const message = `the HPA controller was unable to get the target's current scale: ${why}`;
    warn(world, autoscaler, "FailedGetScale", why);
    write(world, autoscaler, [condition("AbleToScale", "False", "FailedGetScale", message)], {});
    return;
  }
  const able = condition(
    "AbleToScale",
    "True",
    "SucceededGetScale",
    "the HPA controller was able to get the target's current scale",
  );
  const current = target.spec.replicas ?? 1;
  const pods = podsOf(world, namespace, target.spec.selector);
  const rivals = rivalsOf(world, autoscaler, pods);
  if (rivals !== undefined) {
    warn(world, autoscaler, "AmbiguousSelector", rivals);
    const inactive = condition("ScalingActive", "False", "AmbiguousSelector", rivals);
    write(world, autoscaler, [able, inactive], { currentReplicas: current });
    return;
  }
  scale(world, autoscaler, { at, able, current, measured: measure(world, autoscaler, pods) });
}

function podsOf(world: World, namespace: string, selector: Parameters<typeof matches>[0]): Pod[] {
  return list(world.store, "pods", namespace).filter(
    (pod) => matches(selector, pod.metadata.labels) && isActive(pod),
  );
}

/** Two that hold the same pods stop each other. */
function rivalsOf(world: World, autoscaler: Autoscaler, pods: readonly Pod[]): string | undefined {
  const { namespace = "", name } = autoscaler.metadata;
  const { scaleTargetRef } = autoscaler.spec;
  const all = list(world.store, resource, namespace).filter(
    (one) =>
      one.spec.scaleTargetRef.kind === scaleTargetRef.kind &&
      one.spec.scaleTargetRef.name === scaleTargetRef.name,
  );
  if (all.length < 2 || pods.length === 0) return undefined;
  const names = all.map((one) => `${namespace}/${one.metadata.name}`);
  const selector = Object.entries(
    get(world.store, "deployments.apps", { namespace, name: scaleTargetRef.name })?.spec.selector
      .matchLabels ?? {},
  ).map(([key, value]) => `${key}=${value}`);
  const own = `${namespace}/${name}`;
  const ordered = [own, ...names.filter((one) => one !== own)];
  return `pods by selector ${selector.join(",")} are controlled by multiple HPAs: [${ordered.join(" ")}]`;
}

interface Scaling {
  readonly at: Target;
  readonly able: Condition;
  readonly current: number;
  readonly measured: Measured;
}

function scale(world: World, autoscaler: Autoscaler, { at, able, current, measured }: Scaling): void {
  if ("fault" in measured) {
    warn(world, autoscaler, measured.reason, measured.event);
    const message = `the HPA was unable to compute the replica count: ${measured.fault}`;
    const inactive = condition("ScalingActive", "False", measured.reason, message);
    write(world, autoscaler, [able, inactive], { currentReplicas: current, currentMetrics: [{ type: "" }] });
    return;
  }
  const { minReplicas = 1, maxReplicas } = autoscaler.spec;
  const asked = Math.abs(measured.ratio - 1) <= tolerance ? current : Math.ceil(current * measured.ratio);
  const desired = Math.min(maxReplicas, Math.max(minReplicas, asked));
  const limited =
    desired === asked
      ? condition(
          "ScalingLimited",
          "False",
          "DesiredWithinRange",
          "the desired count is within the acceptable range",
        )
      : desired > asked
        ? condition(
            "ScalingLimited",
            "True",
            "TooFewReplicas",
            "the desired replica count is less than the minimum replica count",
          )
        : condition(
            "ScalingLimited",
            "True",
            "TooManyReplicas",
            "the desired replica count is more than the maximum replica count",
          );
  const active = condition(
    "ScalingActive",
    "True",
    "ValidMetricFound",
    `the HPA was able to successfully calculate a replica count from ${measured.name}`,
  );
  const counts = { currentReplicas: current, desiredReplicas: desired, currentMetrics: measured.current };
  if (desired === current) {
    const ready = condition(
      "AbleToScale",
      "True",
      "ReadyForNewScale",
      "recommended size matches current size",
    );
    write(world, autoscaler, [ready, active, limited], counts);
    return;
  }
  change(world.store, at, (draft) => {
    draft.spec.replicas = desired;
  });
  const why = desired > current ? `${measured.name} above target` : "All metrics below target";
  world.events.record({
    about: { ...autoscaler, apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler" },
    type: "Normal",
    reason: "SuccessfulRescale",
    message: `New size: ${desired}; reason: ${why}`,
    component: "horizontal-pod-autoscaler",
  });
  const message = `the HPA controller was able to update the target scale to ${desired}`;
  const scaled = condition("AbleToScale", "True", "SucceededRescale", message);
  write(world, autoscaler, [scaled, active, limited], { ...counts, lastScaleTime: world.time.stamp() });
}

function condition(type: string, status: string, reason: string, message: string): Condition {
  return { type, status, reason, message };
}

function warn(world: World, autoscaler: Autoscaler, reason: string, message: string): void {
  world.events.record({
    about: { ...autoscaler, apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler" },
    type: "Warning",
    reason,
    message,
    component: "horizontal-pod-autoscaler",
  });
}

function write(
  world: World,
  autoscaler: Autoscaler,
  conditions: readonly Condition[],
  more: Readonly<Record<string, unknown>>,
): void {
  const { namespace = "", name } = autoscaler.metadata;
  const at = { resource, namespace, name };
  const object = world.store.get(at);
  if (object === undefined) return;
  const stamp = world.time.stamp();
  const before = autoscaler.status;
  const kept = conditions.reduce<Condition[]>(
    (all, one) => withCondition(all, one, stamp),
    (before?.conditions ?? []).filter((one) => conditions.some((made) => made.type === one.type)),
  );
  const status = {
    ...(before?.lastScaleTime !== undefined && { lastScaleTime: before.lastScaleTime }),
    desiredReplicas: before?.desiredReplicas ?? 0,
    currentMetrics: null,
    ...more,
    conditions: kept,
  };
  world.store.put(at, parseObject({ ...object, status }));
}
