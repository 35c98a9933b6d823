/**
 * The one shape of a sandbox's pod: as the standard `restricted` of PodSecurity asks, without a token, a name
 * service or a volume but /tmp. Its first process waits; the call's program is started beside it.
 */
import type { Json, JsonObject } from "@agentflow/protocol";
import { hash } from "node:crypto";
import { egressPort } from "../../channel/link-messages.ts";
import { jsonAt } from "../applied.ts";
import type { SandboxRequest } from "../source.ts";

/** What is fixed for all sandboxes of a broker. */
export interface PodShape {
  readonly namespace: string;
  readonly image: string;
  /** RuntimeClass; the nodes' own runtime when left out. */
  readonly runtimeClass?: string | undefined;
  readonly projectDir: string;
  /** The file that the program starts on, in the image. */
  readonly entry: string;
  /** Who made it: whose leftovers are found by it, and whom the network policy means. */
  readonly owner: string;
  /** What it shares with its broker's own pod: which nodes, with which logins to the registry. */
  readonly placed: PodPlace;
}

export interface PodPlace {
  /** It goes with this one. */
  readonly ownerPod?: { readonly name: string; readonly uid: string };
  readonly imagePullSecrets?: Json;
  readonly nodeSelector?: Json;
  readonly tolerations?: Json;
}

export const podLabels = {
  /** Its value is the owner. The network policy of the installation denies all to pods that have it. */
  sandbox: "agentflow.dev/sandbox",
  managedBy: "app.kubernetes.io/managed-by",
  /** Of the installation's own pods; a sandbox has none. */
  instance: "app.kubernetes.io/instance",
} as const;

const annotations = {
  /** Unix milliseconds after which nobody waits for it. */
  until: "agentflow.dev/sandbox-until",
  tool: "agentflow.dev/sandbox-tool",
  run: "agentflow.dev/sandbox-run",
  step: "agentflow.dev/sandbox-step",
} as const;

export const containerName = "sandbox";

/** Ends at once when told to, and by itself when nobody tells it. */
const waiting = 'trap "exit 0" TERM; sleep "$1" & wait';

/** Frames on 3 and 4, so that what code prints cannot be taken for one. */
const program =
  'ulimit -c 0; ulimit -n 1024; ulimit -u "$1" 2>/dev/null || ulimit -p "$1" 2>/dev/null || exit 96; ' +
  'exec 3<&0 4>&1 </dev/null >&2; exec node "--max-old-space-size=$2" ' +
  '--max-semi-space-size=4 --disable-proto=delete "$3"';

/** Exit code of the program's shell where processes cannot be limited. */
export const unlimited = 96;

const proxy = `http://127.0.0.1:${egressPort}`;
const proxied = ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"].map((name) => [name, proxy]);
/** What the pod needs besides the call's own time: to be placed, to pull its image, to start. */
const startSeconds = 120;
/** The processes of the pod that are not the call's: its first one, and what that one waits for. */
const ownProcesses = 4;

export interface PodPlan {
  readonly name: string;
  readonly user: number;
  readonly pod: JsonObject;
  readonly command: readonly string[];
}

/** `nonce` makes each one another: names and users are taken from it. */
export function podOf(
  shape: PodShape,
  request: SandboxRequest,
  of: { readonly now: number; readonly nonce: string },
): PodPlan {
  const digest = hash("sha256", `${shape.owner}\0${of.nonce}`);
  const name = `${shape.owner.slice(0, 40).replace(/-+$/, "")}-sandbox-${digest.slice(0, 12)}`;
  // One of its own: what limits processes counts them by user, on the whole node.
  const user = 1_000_000_000 + (Number.parseInt(digest.slice(12, 20), 16) % 1_000_000_000);
  const heapMb = Math.floor(request.memoryMb * 0.6);
  return {
    name,
    user,
    pod: {
      apiVersion: "v1",
      kind: "Pod",
      metadata: metadataOf(name, { shape, request, now: of.now }),
      spec: specOf(shape, request, user),
    },
    command: [
      "/bin/sh",
      "-c",
      program,
      "sandbox",
      String(request.pids + ownProcesses),
      String(heapMb),
      shape.entry,
    ],
  };
}

interface Naming {
  readonly shape: PodShape;
  readonly request: SandboxRequest;
  readonly now: number;
}

function metadataOf(name: string, { shape, request, now }: Naming): JsonObject {
  const { ownerPod } = shape.placed;
  const owner = ownerPod && { apiVersion: "v1", kind: "Pod", name: ownerPod.name, uid: ownerPod.uid };
  return {
    name,
    namespace: shape.namespace,
    // Not those of the installation: what its other pods may do in the network is none of its business.
    labels: { [podLabels.managedBy]: "agentflow", [podLabels.sandbox]: shape.owner },
    annotations: {
      [annotations.until]: String(now + request.lifeMs),
      [annotations.tool]: request.tool,
      [annotations.run]: request.run,
      [annotations.step]: request.step,
    },
    ...(owner === undefined ? {} : { ownerReferences: [owner] }),
  };
}

function specOf(shape: PodShape, request: SandboxRequest, user: number): JsonObject {
  const { runtimeClass, placed } = shape;
  const { imagePullSecrets, nodeSelector, tolerations } = placed;
  const lifeS = Math.ceil(request.lifeMs / 1_000);
  return {
    restartPolicy: "Never",
    activeDeadlineSeconds: lifeS + startSeconds,
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    hostname: "sandbox",
    // No name leads anywhere, also where a cluster lets everybody ask its name service.
    dnsPolicy: "None",
    dnsConfig: { nameservers: ["127.0.0.1"] },
    ...(runtimeClass === undefined ? {} : { runtimeClassName: runtimeClass }),
    ...(imagePullSecrets === undefined ? {} : { imagePullSecrets }),
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    ...(tolerations === undefined ? {} : { tolerations }),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [containerOf(shape, request, lifeS)],
    volumes: [{ name: "tmp", emptyDir: { medium: "Memory", sizeLimit: mebibytes(request.tmpMb) } }],
  };
}

function containerOf(shape: PodShape, request: SandboxRequest, lifeS: number): JsonObject {
  const { memoryMb, cpus, network } = request;
  const environment = [
    ["HOME", "/tmp"],
    ["NODE_OPTIONS", ""],
    ["NODE_ENV", "production"],
    ...(network.length > 0 ? [...proxied, ["NODE_USE_ENV_PROXY", "1"], ["NO_PROXY", ""]] : []),
  ];
  const milli = Math.max(10, Math.round(cpus * 1_000));
  return {
    name: containerName,
    image: shape.image,
    imagePullPolicy: "IfNotPresent",
    command: ["/bin/sh", "-c", waiting, "sandbox", String(lifeS + startSeconds)],
    workingDir: shape.projectDir,
    env: environment.map(([name = "", value = ""]) => ({ name, value })),
    resources: {
      requests: { cpu: cores(Math.max(10, Math.round(milli / 4))), memory: mebibytes(memoryMb) },
      limits: { cpu: cores(milli), memory: mebibytes(memoryMb) },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
  };
}

/** As the API server writes them. */
function mebibytes(mb: number): string {
  return mb % 1_024 === 0 ? `${mb / 1_024}Gi` : `${mb}Mi`;
}

function cores(milli: number): string {
  return milli % 1_000 === 0 ? String(milli / 1_000) : `${milli}m`;
}

/** Whether nobody can be waiting for it any more. */
export function isPast(pod: Json, now: number, lateMs: number): boolean {
  const until = Number(jsonAt(pod, "metadata", "annotations", annotations.until));
  return !(until + lateMs >= now);
}
