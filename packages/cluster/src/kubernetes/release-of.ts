/** From the rendered model to the objects of a cluster: pure, and the same each time. */
import type { Installation, Part } from "../model/installation.ts";
import { onKubernetes } from "../model/open-target.ts";
import { releaseName } from "../model/names.ts";
import { buildOf } from "../model/settings.ts";
import type { OpenedTarget } from "../model/target.ts";
import { accessObjects } from "./objects/access.ts";
import { controlPlaneObjects } from "./objects/control-plane.ts";
import { keysJob, registerJob } from "./objects/jobs.ts";
import { type Making, partsOf } from "./objects/making.ts";
import { natsObjects } from "./objects/nats.ts";
import { networkObjects } from "./objects/network.ts";
import { notesOf } from "./objects/notes.ts";
import { scalerAccess } from "./objects/scaling.ts";
import { filesClaim, workerObjects } from "./objects/workers.ts";
import type { KubernetesObject } from "./object.ts";
import type { Capabilities, Release } from "./release.ts";

export interface ReleasingFrom {
  readonly target: OpenedTarget;
  readonly capabilities: Capabilities;
}

export function releaseOf(installation: Installation, { target, capabilities }: ReleasingFrom): Release {
  const making = makingOf(installation, { target, capabilities });
  const { release, namespace, build } = making;
  const all = (role: Part["role"], of: (making: Making, part: Part) => readonly KubernetesObject[]) =>
    partsOf(making, role).flatMap((part) => of(making, part));
  return {
    project: installation.project,
    target: installation.target,
    name: release,
    namespace,
    build,
    version: installation.version,
    objects: [
      ...accessObjects(making),
      ...networkObjects(making),
      ...filesClaim(making),
      ...all("keys", (of, part) => [keysJob(of, part)]),
      ...all("nats", natsObjects),
      ...all("control-plane", controlPlaneObjects),
      ...scalerAccess(making),
      ...all("worker", workerObjects),
      ...all("register", (of, part) => [registerJob(of, part)]),
    ],
    notes: notesOf(making),
  };
}

function makingOf(installation: Installation, { target, capabilities }: ReleasingFrom): Making {
  const { project, target: name, parts } = installation;
  const settings = onKubernetes(target);
  const { image = "" } = parts.find(({ role }) => role === "worker") ?? {};
  const { pools = {} } = target.project;
  return {
    installation,
    settings,
    release: releaseName({ project, target: name }),
    namespace: settings.namespace,
    build: buildOf(image),
    slots: Object.fromEntries(Object.entries(pools).map(([pool, { concurrency }]) => [pool, concurrency])),
    keda: capabilities.keda,
  };
}
