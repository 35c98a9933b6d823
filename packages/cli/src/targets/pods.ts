/** The pods of a context in a cluster, as `af status` shows them. */
import type { SeenPod, SeenPods } from "@agentflow/cluster/inside-cluster";
import type { Context } from "../config/contexts.ts";
import type { Output } from "../output/output.ts";
import { showBytes } from "../output/size.ts";
import { heading, printTable } from "../output/table.ts";
import { type Text, dim, green, red, yellow } from "../output/text.ts";
import { ago } from "../output/when.ts";

/** Undefined for contexts of no cluster. Refuses when the cluster does not answer. */
export async function contextPods({ cluster: at }: Context): Promise<SeenPods | undefined> {
  if (at === undefined) return undefined;
  const { openPlace, seePods } = await import("@agentflow/cluster/inside-cluster");
  const place = await openPlace(at, process.env);
  try {
    return await seePods(place.cluster, place);
  } finally {
    place.cluster.close();
  }
}

export function printPods(output: Output, { pods, unmeasured }: SeenPods): void {
  heading(output, "Pods");
  const now = Date.now();
  printTable(
    output,
    [
      { title: "POD", of: ({ short }) => short, flexible: true },
      { title: "STATE", of: podText },
      {
        title: "RESTARTS",
        of: ({ restarts }) => (restarts === 0 ? "0" : yellow(String(restarts))),
        side: "right",
      },
      {
        title: "FOR",
        of: ({ since }) => (since === undefined ? dim("–") : ago(since, now).replace(/ ago$/, "")),
      },
      { title: "CPU", of: cpuText, side: "right", optional: true },
      { title: "MEMORY", of: memoryText, side: "right", optional: true },
      { title: "NODE", of: ({ node }) => (node === "" ? dim("–") : node), optional: true },
      { title: "IMAGE", of: ({ image }) => image, flexible: true, optional: true },
    ],
    pods,
  );
  for (const { short, why } of pods.filter((pod) => pod.why !== "" && !pod.ready).slice(0, 5))
    output.line([yellow(short), ": ", why]);
  if (unmeasured !== undefined) output.line(dim(unmeasured));
}

function podText({ state, ready }: SeenPod): Text {
  if (state === "Succeeded") return dim("done");
  if (state === "Running") return ready ? green("ready") : yellow("not ready");
  return state === "Terminating" || state === "Pending" ? yellow(state) : red(state);
}

/** Of one processor. */
function cpuText({ cpuPercent }: SeenPod): Text {
  return cpuPercent === undefined ? dim("–") : `${cpuPercent.toFixed(1)}%`;
}

function memoryText({ memoryBytes, memoryLimitBytes }: SeenPod): Text {
  if (memoryBytes === undefined) return dim("–");
  const limit = memoryLimitBytes === undefined ? "" : `/${showBytes(memoryLimitBytes)}`;
  return `${showBytes(memoryBytes)}${limit}`;
}
