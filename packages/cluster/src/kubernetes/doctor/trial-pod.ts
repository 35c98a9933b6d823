/** A pod that is only tried out: labelled, limited as parts are, and removed whatever happens. */
import type { V1Container, V1Pod } from "@kubernetes/client-node";
import { podWhy } from "../inside/release-pods.ts";
import type { Look } from "./target.ts";

const label = "agentflow.dev/doctor";
/** What is older was left by one that was killed. */
const leftOverMs = 5 * 60_000;
const startsWithinMs = 120_000;
const lookMs = 400;

export interface TrialState {
  readonly isRunning: boolean;
  readonly why: string;
  readonly tookMs: number;
  readonly image: string;
  /** Whether the node has the image; `unknown` as long as it was not asked for. */
  readonly pull: "there" | "refused" | "unknown";
}

export interface TrialOf {
  /** Part of the pod's name. */
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
}

export class TrialPod {
  readonly name: string;
  readonly #look: Look;
  readonly #of: TrialOf;

  constructor(look: Look, of: TrialOf) {
    this.#look = look;
    this.#of = of;
    this.name = `agentflow-doctor-${look.id}-${of.name}`;
  }

  /** Makes it, and waits until it runs or says why it does not. */
  async run(): Promise<TrialState> {
    const { cluster, pace, target } = this.#look;
    const { namespace } = target.settings;
    const fromMs = pace.nowMs();
    const body = this.#pod();
    await cluster.ask("making a pod to try", ({ core }) => core.createNamespacedPod({ namespace, body }));
    for (;;) {
      const pod = await cluster.ask("looking at the pod", ({ core }) =>
        core.readNamespacedPod({ namespace, name: this.name }),
      );
      const tookMs = pace.nowMs() - fromMs;
      const state = stateOf(pod, tookMs);
      const isLate = tookMs > startsWithinMs;
      if (state.isSettled || isLate) return state;
      await pace.wait(lookMs);
    }
  }

  async remove(): Promise<void> {
    await removePod(this.#look, this.name);
  }

  #pod(): V1Pod {
    const { nodeSelector, pullSecrets } = this.#look.target.settings;
    const { image, command } = this.#of;
    const labels = { [label]: this.#look.id };
    return {
      metadata: { name: this.name, labels },
      spec: {
        restartPolicy: "Never",
        activeDeadlineSeconds: 300,
        terminationGracePeriodSeconds: 1,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        nodeSelector: { ...nodeSelector },
        imagePullSecrets: pullSecrets.map((name) => ({ name })),
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 1_000,
          runAsGroup: 1_000,
          seccompProfile: { type: "RuntimeDefault" },
        },
        containers: [held(image, command)],
      },
    };
  }
}

/** What earlier doctors left that were killed. */
export async function sweepTrials(look: Look): Promise<void> {
  const { cluster, pace, target } = look;
  const { namespace } = target.settings;
  const oldest = pace.nowMs() - leftOverMs;
  const { items } = await cluster.ask("looking for what was left", ({ core }) =>
    core.listNamespacedPod({ namespace, labelSelector: label }),
  );
  for (const { metadata } of items) {
    const name = metadata?.name;
    const isOld = (metadata?.creationTimestamp?.getTime() ?? oldest) < oldest;
    if (name !== undefined && isOld) await removePod(look, name);
  }
}

async function removePod({ cluster, target }: Look, name: string): Promise<void> {
  const { namespace } = target.settings;
  await cluster
    .ask("removing the pod that was tried", ({ core }) =>
      core.deleteNamespacedPod({ namespace, name, gracePeriodSeconds: 0 }),
    )
    // Whatever is gone already is as gone as it should be.
    .catch(() => undefined);
}

function held(image: string, command: readonly string[]): V1Container {
  return {
    name: "main",
    command: [...command],
    image,
    imagePullPolicy: "IfNotPresent",
    resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { cpu: "500m", memory: "128Mi" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
  };
}

const refusals = new Set(["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"]);

function stateOf(pod: V1Pod, tookMs: number): TrialState & { readonly isSettled: boolean } {
  const [status] = pod.status?.containerStatuses ?? [];
  const image = pod.spec?.containers[0]?.image ?? "";
  const { reason = "", message } = status?.state?.waiting ?? {};
  const { running, terminated: ended } = status?.state ?? {};
  const isHeldUp = /ContainerError|ConfigError/.test(reason);
  const isRefused = refusals.has(reason);
  const isRunning = running !== undefined;
  const why =
    ended === undefined
      ? podWhy(pod) || (message ?? (reason || (pod.status?.phase ?? "no node took it")))
      : `it ended with ${ended.exitCode}${ended.message === undefined ? "" : `: ${ended.message}`}`;
  const isUnschedulable = pod.status?.conditions?.some((one) => one.reason === "Unschedulable") === true;
  const isThere = isRunning || ended !== undefined || isHeldUp;
  return {
    isRunning,
    why,
    tookMs,
    image,
    pull: isRefused ? "refused" : isThere ? "there" : "unknown",
    isSettled: isRefused || isThere || isUnschedulable,
  };
}
