/** The sandbox of a target in a cluster as people read it. */
import type { RuntimeClass, SandboxThere } from "@agentflow/cluster/kubernetes";
import type { Output } from "../output/output.ts";
import { heading, printRecord } from "../output/table.ts";
import { cyan, green, red, type Text, yellow } from "../output/text.ts";
import type { SandboxInCluster } from "./in-cluster.ts";

export function printInCluster(output: Output, of: SandboxInCluster): void {
  const { target, release, namespace, runtimeClass, fixed, networkPolicy, broker } = of;
  heading(output, `On ${target}`);
  printRecord(output, [
    [
      "a pod",
      `of RuntimeClass ${runtimeClass} in namespace ${namespace}, made by the broker beside each worker`,
    ],
    ["user", fixed.user],
    ["filter", `seccomp ${fixed.seccomp}, no capabilities, no token, a root that cannot be written`],
    ["network", `closed by NetworkPolicy ${networkPolicy}, and tried before the first call on a node`],
    ["broker", `${broker.account}: ${broker.rights.join("; ")}`],
  ]);
  heading(output, "What the cluster has of it");
  const { cluster } = of;
  if (!cluster.answers) {
    output.line([red("✗ "), cluster.message]);
    for (const next of cluster.suggestions) output.line(["  ", cyan(next)]);
    return;
  }
  printRecord(output, [
    ["cluster", `${cluster.context}, Kubernetes ${cluster.version}`],
    ["runtime class", classText(runtimeClass, cluster.runtimeClass)],
    ["network policy", policyText(networkPolicy, cluster.policy)],
    ["broker", brokersText(cluster, { release, runtimeClass })],
  ]);
}

function classText(name: string, found: RuntimeClass): Text {
  if (found.state === "forbidden") return [yellow("! "), `whether ${name} is there may not be asked`];
  if (found.state === "absent") {
    const there = found.known.length === 0 ? "the cluster has none" : `there are: ${found.known.join(", ")}`;
    return [red("✗ "), `${name} is not there: no call is made, and no deploy (${there})`];
  }
  const { handler, nodes } = found;
  if (nodes === "forbidden") return [yellow("! "), `handler ${handler}; on which nodes may not be asked`];
  const fit = nodes.filter(({ isOpen, isReady }) => isOpen && isReady).map((one) => one.name);
  if (fit.length === 0) return [red("✗ "), `handler ${handler}, but no node takes its pods`];
  const more = fit.length > nodesShown ? `, … (${fit.length})` : "";
  return [green("✓ "), `handler ${handler}, on ${fit.slice(0, nodesShown).join(", ")}${more}`];
}

const nodesShown = 5;

function policyText(name: string, state: SandboxThere["policy"]): Text {
  switch (state) {
    case "closes":
      return [green("✓ "), "there: nothing in, nothing out"];
    case "open":
      return [red("✗ "), `${name} was changed and does not close the pods: af deploy puts it right`];
    case "absent":
      return [yellow("! "), "not there yet: af deploy makes it"];
    default:
      return [yellow("! "), "may not be read"];
  }
}

function brokersText(
  { brokers }: SandboxThere,
  of: { readonly release: string; readonly runtimeClass: string },
): Text {
  if (brokers === undefined) return [yellow("! "), "pods may not be listed"];
  const { workers, ready, images, runtimeClasses } = brokers;
  if (workers === 0) return [yellow("! "), `no worker of ${of.release} is there`];
  if (images.length === 0) return [red("✗ "), "workers have none: they are of a deploy before the sandbox"];
  const others = runtimeClasses.filter((one) => one !== of.runtimeClass);
  const count = `beside ${ready} of ${workers} workers, image ${images.join(", ")}`;
  if (others.length > 0) return [yellow("! "), `${count}; those there make pods of ${others.join(", ")}`];
  return [ready < workers ? yellow("! ") : green("✓ "), `ready ${count}`];
}
