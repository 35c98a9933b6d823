/** Workers: a Deployment for each pool and build, so that runs end on the build that they began on. */
import type { JsonObject } from "@agentflow/protocol";
import type { Part } from "../../model/installation.ts";
import { fitted } from "../../model/names.ts";
import type { KubernetesObject } from "../object.ts";
import { releaseNames } from "../release.ts";
import { serviceAccounts } from "./access.ts";
import { budgetOf } from "./budget.ts";
import { made, type Making, partOf, selectorOf } from "./making.ts";
import { podTemplate } from "./pod.ts";
import { scalerOf } from "./scaling.ts";

export function workerObjects(making: Making, part: Part): KubernetesObject[] {
  const { release, settings, build } = making;
  const { pool } = part;
  if (pool === undefined) return [];
  const scaling = settings.scaling[pool];
  if (scaling === undefined && part.replicas === 0) return [];
  const name = releaseNames.workers(release, pool, build);
  const sandbox = partOf(making, "sandbox");
  const template = podTemplate(making, part, {
    serviceAccount: (sandbox === undefined ? serviceAccounts.plain : serviceAccounts.sandbox)(release),
    volumes: { files: filesVolume(making), sandbox: { emptyDir: { sizeLimit: "16Mi" } } },
    beside: sandbox,
  });
  const deployment = made(
    making,
    { apiVersion: "apps/v1", kind: "Deployment", name, part },
    {
      spec: {
        // Who scales them owns the number: one of ours would be taken for an order at each deploy.
        ...(scaling === undefined ? { replicas: part.replicas } : {}),
        revisionHistoryLimit: 2,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        selector: { matchLabels: selectorOf(making, part) },
        template,
      },
    },
  );
  // Of all builds together: those that end are taken away by themselves.
  const budget = { part, name: fitted(`${release}-${part.name}`, 63), copies: scaling?.min ?? part.replicas };
  return [
    deployment,
    ...budgetOf(making, budget),
    ...(scaling === undefined ? [] : scalerOf(making, { part, pool, name, scaling })),
  ];
}

export function filesName(release: string): string {
  return `${release}-files`;
}

function filesVolume({ release, settings }: Making): JsonObject {
  if (settings.storage.filesGb === undefined) return { emptyDir: { sizeLimit: "4Gi" } };
  return { persistentVolumeClaim: { claimName: filesName(release) } };
}

/** One volume for the workers of all nodes, where the target asks for it. */
export function filesClaim(making: Making): KubernetesObject[] {
  const { className, filesGb } = making.settings.storage;
  if (filesGb === undefined) return [];
  const described = { apiVersion: "v1", kind: "PersistentVolumeClaim", name: filesName(making.release) };
  return [
    made(
      making,
      { ...described, holds: "data" },
      {
        spec: {
          accessModes: ["ReadWriteMany"],
          ...(className === undefined ? {} : { storageClassName: className }),
          resources: { requests: { storage: `${filesGb}Gi` } },
        },
      },
    ),
  ];
}
