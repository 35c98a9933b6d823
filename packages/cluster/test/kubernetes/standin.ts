/** A release whose parts are shell commands: everything that a deploy does, without our images. */
import { parseId } from "@agentflow/protocol";
import type { TestCluster } from "@agentflow/test-cluster";
import { kubernetesLabels as labels } from "../../src/kubernetes/labels.ts";
import type { KubernetesObject } from "../../src/kubernetes/object.ts";
import type { Release } from "../../src/kubernetes/release.ts";
import { openCluster } from "../../src/kubernetes/client/index.ts";
import { Access } from "../../src/kubernetes/deploy/access.ts";
import type { DeployHolder } from "../../src/kubernetes/deploy/lease.ts";
import type { Deploying } from "../../src/kubernetes/deploy/deploying.ts";
import { realPace } from "../../src/kubernetes/pace.ts";

export const builds = { one: "0a0a0a0a0a0a", two: "0b0b0b0b0b0b" } as const;
export const name = "shop-prod";
const image = "bbsh:1";
const ofPod = { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } };
const ofContainer = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } };
const forever = 'trap "exit 0" TERM; echo ready; while true; do sleep 0.1; done';

export interface Standin {
  readonly namespace: string;
  readonly build?: string;
  readonly workerScript?: string;
  readonly workerImage?: string;
  readonly registerScript?: string;
  /** Of the worker: what no node has. */
  readonly selector?: Readonly<Record<string, string>>;
  readonly note?: string;
  readonly workers?: number;
  readonly controlPlaneImage?: string;
  readonly natsImage?: string;
  readonly natsProbe?: object;
  readonly probe?: object;
  /** Of each pod. */
  readonly cpu?: string;
}

export function standin(of: Standin): Release {
  const { build = builds.one } = of;
  return {
    project: "shop",
    target: "prod",
    name,
    namespace: of.namespace,
    build: parseId("build", build),
    version: "0.1.0",
    notes: [],
    objects: objectsOf(of, build),
  };
}

function objectsOf(of: Standin, build: string): readonly KubernetesObject[] {
  const { workers = 1 } = of;
  const registerScript = of.registerScript ?? `echo registered ${build}`;
  return [
    object({ apiVersion: "v1", kind: "ServiceAccount", name }),
    object({
      apiVersion: "v1",
      kind: "ConfigMap",
      name: `${name}-settings`,
      more: { data: { note: of.note ?? "a" } },
    }),
    object({
      apiVersion: "batch/v1",
      kind: "Job",
      name: `${name}-keys`,
      part: "keys",
      more: { spec: once(of, "keys", "echo keys") },
    }),
    object({
      apiVersion: "v1",
      kind: "Service",
      name: `${name}-nats`,
      part: "nats",
      more: {
        spec: {
          clusterIP: "None",
          selector: { [labels.part]: "nats" },
          ports: [{ name: "nats", port: 4222 }],
        },
      },
    }),
    object({
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      name: `${name}-nats`,
      part: "nats",
      more: {
        spec: {
          replicas: 1,
          serviceName: `${name}-nats`,
          ...running(of, {
            part: "nats",
            script: forever,
            image: of.natsImage ?? image,
            probe: of.natsProbe ?? {},
          }),
        },
      },
    }),
    object({
      apiVersion: "apps/v1",
      kind: "Deployment",
      name: `${name}-control-plane`,
      part: "control-plane",
      more: {
        spec: {
          replicas: 1,
          ...running(of, {
            part: "control-plane",
            script: `case "$*" in *--check-histories*) exit "\${HISTORIES:-0}";; esac; ${forever}`,
            image: of.controlPlaneImage ?? image,
          }),
        },
      },
    }),
    object({
      apiVersion: "apps/v1",
      kind: "Deployment",
      name: `${name}-worker-default-${build}`,
      part: "worker-default",
      build,
      more: {
        spec: {
          replicas: workers,
          ...running(of, {
            part: "worker-default",
            build,
            script: of.workerScript ?? forever,
            image: of.workerImage ?? image,
            selector: of.selector ?? {},
            probe: of.probe ?? {},
          }),
        },
      },
    }),
    object({
      apiVersion: "batch/v1",
      kind: "Job",
      // As the real one, whose name holds a hash of what it runs.
      name: registerJob(build),
      part: "register",
      build,
      more: { spec: once(of, "register", registerScript) },
    }),
  ];
}

/** Somebody who deploys, and cannot tell who else lives. */
export function holderNamed(name: string): DeployHolder {
  return { name, isDead: () => false };
}

export function registerJob(build: string): string {
  return `${name}-register-${build.slice(0, 4)}`;
}

interface Made {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly part?: string;
  readonly build?: string;
  readonly more?: object;
}

function object({ apiVersion, kind, name: own, part, build, more = {} }: Made): KubernetesObject {
  return { apiVersion, kind, metadata: { name: own, labels: labelsOf(part, build) }, ...more };
}

function labelsOf(part?: string, build?: string): Record<string, string> {
  return {
    [labels.managedBy]: "agentflow",
    [labels.instance]: name,
    [labels.project]: "shop",
    [labels.target]: "prod",
    ...(part === undefined ? {} : { [labels.part]: part }),
    ...(build === undefined ? {} : { [labels.build]: build }),
  };
}

interface Running {
  readonly part: string;
  readonly script: string;
  readonly build?: string;
  readonly image?: string;
  readonly selector?: Readonly<Record<string, string>>;
  readonly probe?: object;
}

function running(of: Standin, made: Running): object {
  const { part, script, build, image: from = image, selector = {}, probe = {} } = made;
  const matchLabels = {
    [labels.instance]: name,
    [labels.part]: part,
    ...(build ? { [labels.build]: build } : {}),
  };
  return {
    selector: { matchLabels },
    template: {
      metadata: { labels: labelsOf(part, build) },
      spec: {
        terminationGracePeriodSeconds: 1,
        securityContext: ofPod,
        nodeSelector: selector,
        containers: [
          {
            name: "main",
            image: from,
            securityContext: ofContainer,
            command: ["/bin/sh", "-c", script, "af"],
            args: ["server"],
            ...resources(of),
            ...probe,
          },
        ],
      },
    },
  };
}

function once(of: Standin, part: string, script: string): object {
  return {
    backoffLimit: 0,
    template: {
      metadata: { labels: labelsOf(part) },
      spec: {
        restartPolicy: "Never",
        securityContext: ofPod,
        containers: [
          {
            name: "main",
            image,
            securityContext: ofContainer,
            command: ["/bin/sh", "-c", script],
            ...resources(of),
          },
        ],
      },
    },
  };
}

function resources({ cpu }: Standin): object {
  return cpu === undefined ? {} : { resources: { requests: { cpu }, limits: { cpu } } };
}

/** The same release, but for what that object is. */
export function altered(
  release: Release,
  title: string,
  change: (spec: Record<string, unknown>) => object,
): Release {
  const objects = release.objects.map((one): KubernetesObject => {
    if (`${one.kind}/${one.metadata.name}` !== title) return one;
    const { spec, ...rest } = JSON.parse(JSON.stringify(one));
    return { ...rest, spec: change(spec) };
  });
  return { ...release, objects };
}

export interface Told {
  readonly steps: string[];
  readonly states: string[];
}

/** A deploy of that release, of somebody whose kubeconfig this is. */
export async function deployingTo(
  cluster: Pick<TestCluster, "kubeconfig">,
  release: Release,
  more: Partial<Deploying> = {},
): Promise<Deploying & { readonly told: Told; close(): void }> {
  const opened = await openCluster({
    environment: {},
    kubeconfig: cluster.kubeconfig,
    limits: { waitMs: 20, firstRetryMs: 200, retryMs: 3_000 },
  });
  const told: Told = { steps: [], states: [] };
  return {
    access: new Access(opened, release.namespace),
    release,
    secrets: { names: [], values: new Map() },
    force: false,
    wait: true,
    timeoutMs: 60_000,
    graceMs: 300,
    leaseMs: 15_000,
    pruneData: false,
    holder: holderNamed(`test ${process.pid}`),
    by: "test",
    pace: realPace,
    signal: new AbortController().signal,
    progress: {
      step: (text) => {
        told.steps.push(text);
      },
      object: (title, state) => {
        if (told.states.at(-1) !== `${title} ${state}`) told.states.push(`${title} ${state}`);
      },
    },
    ...more,
    told,
    close: () => {
      opened.close();
    },
  };
}
