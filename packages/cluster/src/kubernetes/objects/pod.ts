/** The pod of a part: as the standard `restricted` of PodSecurity asks, and as little more as can be. */
import { createHash } from "node:crypto";
import type { Json, JsonObject } from "@agentflow/protocol";
import { listOf } from "../../model/overlay.ts";
import type { Mount, Part } from "../../model/installation.ts";
import { hardening } from "../../model/hardening.ts";
import { ports } from "../../model/settings.ts";
import { releaseNames } from "../release.ts";
import { type Making, podLabels, selectorOf } from "./making.ts";
import { probesOf } from "./probes.ts";

export interface PodOptions {
  readonly serviceAccount: string;
  /** Given a token of the cluster: only what speaks to its API. */
  readonly token?: boolean;
  readonly restartPolicy?: "Never";
  /** Runs beside it, from before its start until after its end, with a token that only it sees. */
  readonly beside?: Part | undefined;
  /** Volumes by the name that the part mounts them under; what is left out is a claim of its own. */
  readonly volumes?: Readonly<Record<string, JsonObject>>;
}

const userId = Number(hardening.user.split(":")[0]);

/** `spec.template` of whatever makes the pods. */
export function podTemplate(making: Making, part: Part, options: PodOptions): JsonObject {
  const { installation } = making;
  const names = part.secretsAt === undefined ? [] : installation.secrets;
  return {
    metadata: {
      labels: podLabels(making, part),
      // Of their names alone: what is in them changes no pod, and must not be guessed from an object.
      ...(names.length === 0 ? {} : { annotations: { [secretsAnnotation]: hashOf(names) } }),
    },
    spec: podSpec(making, part, options),
  };
}

const secretsAnnotation = "agentflow.dev/secrets";

function podSpec(making: Making, part: Part, options: PodOptions): JsonObject {
  const { settings } = making;
  const { pullSecrets, nodeSelector } = settings;
  const { beside } = options;
  return {
    serviceAccountName: options.serviceAccount,
    automountServiceAccountToken: options.token === true,
    enableServiceLinks: false,
    ...(options.restartPolicy === undefined ? {} : { restartPolicy: options.restartPolicy }),
    terminationGracePeriodSeconds: graceSeconds(part),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: userId,
      runAsGroup: userId,
      fsGroup: userId,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
    ...(pullSecrets.length === 0 ? {} : { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
    ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
    ...(part.runs === "once" ? {} : { topologySpreadConstraints: spreading(making, part) }),
    ...(beside === undefined ? {} : { initContainers: [besideOf(making, beside)] }),
    containers: [containerOf(making, part)],
    volumes: [...volumesOf(making, part, options), ...(beside === undefined ? [] : [tokenVolume])],
  };
}

const tokenAt = "/var/run/secrets/kubernetes.io/serviceaccount";

function besideOf(making: Making, part: Part): JsonObject {
  const { volumeMounts, ...rest } = containerOf(making, part);
  const mounts = listOf(volumeMounts);
  return {
    ...rest,
    restartPolicy: "Always",
    volumeMounts: [...mounts, { name: "token", mountPath: tokenAt, readOnly: true }],
  };
}

/** What a pod would be given by itself, had it a token for all its containers. */
const tokenVolume: JsonObject = {
  name: "token",
  projected: {
    defaultMode: 0o440,
    sources: [
      { serviceAccountToken: { path: "token", expirationSeconds: 3_607 } },
      { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
      { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } },
    ],
  },
};

/** Over nodes and zones where there are several; where there are not, all the same. */
function spreading(making: Making, part: Part): Json[] {
  return ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: selectorOf(making, part) },
  }));
}

/** Longer than the process itself takes at most, so that none is killed that ends in good order. */
function graceSeconds(part: Part): number {
  return Math.ceil(part.stopMs / 1_000) + 5 + (preStopSeconds(part) ?? 0);
}

/** Whoever still sends to it learns within these seconds that it goes. */
function preStopSeconds({ role }: Part): number | undefined {
  return role === "control-plane" ? 5 : undefined;
}

function containerOf(making: Making, part: Part): JsonObject {
  const preStop = preStopSeconds(part);
  const environment = environmentOf(part);
  return {
    name: part.role,
    image: part.image,
    imagePullPolicy: "IfNotPresent",
    args: [...part.command],
    ...(environment.length === 0 ? {} : { env: environment }),
    ...(part.ports.length === 0 ? {} : { ports: portsOf(part) }),
    ...probesOf(part),
    ...(preStop === undefined ? {} : { lifecycle: { preStop: { sleep: { seconds: preStop } } } }),
    resources: resourcesOf(part),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    // How it ended stands in the pod's state, also when its lines are gone.
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: mountsOf(making, part),
  };
}

function environmentOf(part: Part): Json[] {
  const own = part.nameIn === undefined ? [] : [part.nameIn];
  const names = [...new Set([...Object.keys(part.environment), ...own])].sort();
  return names.map((name): JsonObject => {
    if (name === part.nameIn) return { name, valueFrom: { fieldRef: { fieldPath: "metadata.name" } } };
    // What a cluster would fill in, $(NAME), is meant to the letter.
    return { name, value: (part.environment[name] ?? "").replaceAll("$(", "$$(") };
  });
}

const portNames: Readonly<Record<number, string>> = {
  [ports.api]: "api",
  [ports.nats]: "nats",
  [ports.routes]: "routes",
  [ports.monitor]: "monitor",
};

export function portName(port: number): string {
  return portNames[port] ?? `port-${port}`;
}

function portsOf({ ports }: Part): Json[] {
  return ports.map((port) => ({ name: portName(port), containerPort: port }));
}

/** Memory is set aside in full; of the cores a quarter, for nobody needs all of them all the time. */
function resourcesOf({ limits }: Part): JsonObject {
  const memory = bytes(limits.memoryMb);
  const milli = Math.max(10, Math.round(limits.cpus * 1_000));
  return {
    requests: { cpu: quantity(Math.max(10, Math.round(milli / 4))), memory },
    limits: { cpu: quantity(milli), memory },
  };
}

/** As the API server writes it. */
function bytes(mebibytes: number): string {
  return mebibytes % 1_024 === 0 ? `${mebibytes / 1_024}Gi` : `${mebibytes}Mi`;
}

/** As the API server writes it: whole cores without the m. */
function quantity(milli: number): string {
  return milli % 1_000 === 0 ? String(milli / 1_000) : `${milli}m`;
}

function mountsOf({ installation }: Making, part: Part): Json[] {
  const { secretsAt } = part;
  const secrets = secretsAt !== undefined && installation.secrets.length > 0;
  return [
    { name: "tmp", mountPath: hardening.tmpfs.path },
    ...part.mounts.map(({ volume, path, readOnly }) => ({
      name: volume,
      mountPath: path,
      ...(readOnly ? { readOnly: true } : {}),
    })),
    ...(secrets ? [{ name: "secrets", mountPath: secretsAt, readOnly: true }] : []),
  ];
}

function volumesOf(making: Making, part: Part, { volumes = {} }: PodOptions): Json[] {
  const { installation, release } = making;
  const own = part.mounts.filter(
    ({ volume }) => volume.startsWith("keys-") || Object.hasOwn(volumes, volume),
  );
  const secrets = part.secretsAt !== undefined && installation.secrets.length > 0;
  return [
    { name: "tmp", emptyDir: { sizeLimit: `${hardening.tmpfs.sizeMb}Mi` } },
    ...own.map(({ volume, only }: Mount): JsonObject => {
      const told = volumes[volume];
      if (told !== undefined) return { name: volume, ...told };
      const secretName = releaseNames.keys(release, volume.slice("keys-".length));
      const items = only?.map((key) => ({ key, path: key }));
      return { name: volume, secret: { secretName, defaultMode: groupReads, ...(items && { items }) } };
    }),
    ...(secrets
      ? [
          {
            name: "secrets",
            secret: { secretName: releaseNames.secrets(release), defaultMode: groupReads, optional: true },
          },
        ]
      : []),
  ];
}

/** 0440: the group is the pod's own. */
const groupReads = 0o440;

export function hashOf(value: Json): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 10);
}
