/** A target in a cluster: the cluster, what pods can do there, and the installation if it is deployed. */
import { AgentFlowError } from "@agentflow/protocol";
import { randomBytes } from "node:crypto";
import { chooseContext } from "../config/choose-context.ts";
import { contextPlaces } from "../config/context-places.ts";
import { findContext } from "../config/contexts.ts";
import { targetsOf } from "../config/project-contexts.ts";
import { openProjectTarget, type ProjectTarget } from "../targets/open.ts";
import type { SandboxExamined } from "../local/cluster-sandbox.ts";
import { apiChecks, failed } from "./api.ts";
import type { Check, Examined } from "./check.ts";

/** Nothing unless such a target is named or in use. */
export async function clusterChecks(of: Examined): Promise<Check[]> {
  const name = clusterTargetOf(of);
  if (name === undefined) return [];
  const { folder, environment, version } = of;
  let opened: ProjectTarget;
  try {
    opened = await openProjectTarget({ folder, environment, target: name, scale: [] });
  } catch (error) {
    return [failed("target", error)];
  }
  const { target } = opened;
  const [{ onKubernetes, releaseName }, { examineCluster }] = await Promise.all([
    import("@agentflow/cluster"),
    import("@agentflow/cluster/cluster-doctor"),
  ]);
  const settings = onKubernetes(target);
  const { context } = settings;
  const { checks, isInstalled } = await examineCluster({
    target: { name, release: releaseName({ project: target.project.name, target: name }), settings },
    ...(context === undefined ? {} : { context }),
    environment,
    version,
    id: randomBytes(4).toString("hex"),
  });
  const sandbox = await sandboxChecks(opened, environment);
  // What was proved is no longer unknown.
  const rest = sandbox.isClosed ? checks.filter((one) => one.name !== "network policy") : checks;
  return [...rest, ...sandbox.checks, ...(isInstalled ? await installedChecks(of, opened) : [])];
}

/** Where the cluster does not answer, that stands in another line. */
async function sandboxChecks(
  { target }: ProjectTarget,
  environment: Examined["environment"],
): Promise<SandboxExamined> {
  const none = { checks: [], isClosed: false };
  if (target.project.sandbox === undefined || target.settings.kind !== "kubernetes") return none;
  const [{ openCluster }, { examineSandbox }] = await Promise.all([
    import("@agentflow/cluster/kubernetes"),
    import("../local/cluster-sandbox.ts"),
  ]);
  const { context, namespace } = target.settings;
  const named = context === undefined ? {} : { context };
  try {
    const cluster = await openCluster({ environment, namespace, ...named });
    try {
      return await examineSandbox(target, cluster);
    } finally {
      cluster.close();
    }
  } catch {
    return none;
  }
}

/** The one that is named, or in use. */
function clusterTargetOf({ target, project, folder, environment }: Examined): string | undefined {
  if (project === undefined) return undefined;
  const known = targetsOf(project).flatMap(({ name, kind }) => (kind === "kubernetes" ? [name] : []));
  if (target !== undefined) return known.includes(target) ? target : undefined;
  const choice = chooseContext(contextPlaces({ folder, environment }), { environment });
  return choice.kind === "context" && known.includes(choice.name) ? choice.name : undefined;
}

async function installedChecks(of: Examined, { target }: ProjectTarget): Promise<Check[]> {
  const { name, settings } = target;
  try {
    const context = findContext(contextPlaces(of), name);
    const isScaled = settings.kind === "kubernetes" && Object.keys(settings.scaling).length > 0;
    const expected = { version: of.version, ...(isScaled ? {} : { workers: settings.workers }) };
    return await apiChecks(context, of, expected);
  } catch (error) {
    return [failed("context", AgentFlowError.from(error, "reading the context"))];
  }
}
