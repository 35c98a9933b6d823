/** Workers by load: by the tasks that wait where KEDA is, by their processors where it is not. */
import type { JsonObject, PoolName, ScalingTarget } from "@agentflow/protocol";
import type { Part } from "../../model/installation.ts";
import { ports } from "../../model/settings.ts";
import type { KubernetesObject } from "../object.ts";
import { releaseNames } from "../release.ts";
import { made, type Making, partOf } from "./making.ts";

export interface Scaled {
  readonly part: Part;
  readonly pool: PoolName;
  /** Of the Deployment, and of what scales it. */
  readonly name: string;
  readonly scaling: ScalingTarget;
}

export function scalerOf(making: Making, scaled: Scaled): KubernetesObject[] {
  return [making.keda ? scaledObject(making, scaled) : autoscaler(making, scaled)];
}

const keda = "keda.sh/v1alpha1";

/** How KEDA shows who it is; once for all pools. */
export function scalerAccess(making: Making): KubernetesObject[] {
  const { release, settings } = making;
  if (!making.keda || Object.keys(settings.scaling).length === 0) return [];
  const part = partOf(making, "control-plane");
  const secret = releaseNames.keys(release, "control-plane");
  return [
    made(
      making,
      { apiVersion: keda, kind: "TriggerAuthentication", name: authentication(release), part },
      {
        spec: { secretTargetRef: [{ parameter: "token", name: secret, key: "token" }] },
      },
    ),
  ];
}

function authentication(release: string): string {
  return `${release}-api`;
}

function scaledObject(making: Making, { part, pool, name, scaling }: Scaled): KubernetesObject {
  const { release, namespace, build } = making;
  const host = `${releaseNames.api(release)}.${namespace}.svc:${ports.api}`;
  return made(
    making,
    { apiVersion: keda, kind: "ScaledObject", name, part },
    {
      spec: {
        scaleTargetRef: { name },
        minReplicaCount: scaling.min,
        maxReplicaCount: scaling.max,
        pollingInterval: 10,
        cooldownPeriod: 300,
        // From none to some only: so long the first one of a build stays, by which workflows are registered.
        initialCooldownPeriod: 900,
        triggers: [
          {
            type: "metrics-api",
            metadata: {
              url: `http://${host}/v1/pools/${pool}/depth?build=${build}`,
              valueLocation: "tasks",
              targetValue: String(slotsOf(making, pool)),
              authMode: "bearer",
            },
            authenticationRef: { name: authentication(release) },
          },
        ],
      },
    },
  );
}

/** Tasks that one worker runs at the same time: so many for each are what it can do. */
function slotsOf({ slots }: Making, pool: PoolName): number {
  return slots[pool] ?? 8;
}

function autoscaler(making: Making, { part, name, scaling }: Scaled): KubernetesObject {
  const metric: JsonObject = {
    type: "Resource",
    resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } },
  };
  return made(
    making,
    { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name, part },
    {
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
        minReplicas: Math.max(1, scaling.min),
        maxReplicas: scaling.max,
        metrics: [metric],
      },
    },
  );
}
