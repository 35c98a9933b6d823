/**
 * What is looked at in a cluster before an installation is carried to it, and of one that is there. Leaves
 * nothing behind.
 */
import { AgentFlowError } from "@agentflow/protocol";
import { bad, type EngineCheck } from "../../docker/doctor/check.ts";
import { openCluster } from "../client/index.ts";
import type { Cluster } from "../cluster.ts";
import { type Pace, realPace } from "../pace.ts";
import { clusterFacts, namespaceChecks } from "./facts.ts";
import { podChecks } from "./pods.ts";
import { rightsChecks } from "./rights.ts";
import { serverChecks } from "./server.ts";
import type { ExaminedClusterTarget, Look } from "./target.ts";
import { trialChecks } from "./trial.ts";

export interface ClusterExaming {
  readonly context?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly target: ExaminedClusterTarget;
  readonly id: string;
  /** Release of this `af`. */
  readonly version: string;
  readonly pace?: Pace;
}

export interface ClusterExamined {
  readonly checks: readonly EngineCheck[];
  /** Whether the release's control plane is deployed there. */
  readonly isInstalled: boolean;
}

/** A look that fails is itself a line: one broken check hides no other. */
export async function examineCluster(options: ClusterExaming): Promise<ClusterExamined> {
  const { target, environment, context, id, version, pace = realPace } = options;
  let cluster: Cluster;
  try {
    const named = context === undefined ? {} : { context };
    cluster = await openCluster({ ...named, environment, namespace: target.settings.namespace });
  } catch (error) {
    return { checks: [failure("kubeconfig", error)], isInstalled: false };
  }
  try {
    const look: Look = { cluster, target, id, pace };
    const { checks, answers } = await serverChecks(cluster, target);
    if (!answers) return { checks, isInstalled: false };
    const { checks: ofNamespace, isThere } = await namespaceChecks(look);
    const [facts, rights, tried, pods] = await Promise.all([
      guarded("cluster", () => clusterFacts(look)),
      guarded("rights", () => rightsChecks(look, isThere)),
      guarded("pod", () => trialChecks(look, isThere)),
      isThere ? guarded("parts", () => podChecks(look, version)) : Promise.resolve([]),
    ]);
    const isInstalled = pods.some(({ name }) => name === "parts");
    return { checks: [...checks, ...ofNamespace, ...rights, ...facts, ...tried, ...pods], isInstalled };
  } finally {
    cluster.close();
  }
}

async function guarded(
  name: string,
  look: () => Promise<readonly EngineCheck[]>,
): Promise<readonly EngineCheck[]> {
  try {
    return await look();
  } catch (error) {
    return [failure(name, error)];
  }
}

function failure(name: string, error: unknown): EngineCheck {
  const { message, suggestions } = AgentFlowError.from(error, "looking at the cluster");
  return bad(name, message, suggestions.filter((one) => one !== "af doctor").join("; "));
}
