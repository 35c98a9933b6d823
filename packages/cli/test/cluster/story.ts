/** What the parts of the story share: the cluster, the project in it, and ways to both. */
import type { ClusterPlace } from "@agentflow/cluster/inside-cluster";
import { type LiveCluster, liveCluster, runIn } from "@agentflow/cluster/test-kubernetes";
import { type Client, createClient } from "@agentflow/sdk/client";
import { setTimeout as sleep } from "node:timers/promises";
import { gate, type StoryProject, storyProject } from "./project.ts";
import { type Teller, teller } from "./told.ts";

export interface Story extends Teller {
  readonly live: LiveCluster;
  readonly project: StoryProject;
  readonly namespace: string;
  readonly release: string;
  /** Names of pods of a part, of one build where it is named, without those that end. */
  pods(part: string, build?: string): Promise<readonly string[]>;
  /** Lets the tools of that build's workers go on. */
  open(build: string): Promise<void>;
  /** Each call has a way of its own, as each command has. */
  api<T>(work: (client: Client) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Long enough for a machine that does other things besides. */
const withinMs = 600_000;

export async function beginStory(): Promise<Story> {
  const live = await liveCluster();
  const project = await storyProject(`story-${process.pid}`);
  const namespace = live.namespace("story");
  for (const label of ["dev.agentflow.project", imageLabel]) live.removesImages(`${label}=${project.name}`);
  const { cluster, kubeconfig } = live;
  const release = `${project.name}-prod`;
  const place: ClusterPlace = { namespace, release, files: [kubeconfig] };
  const pods: Story["pods"] = async (part, build) => {
    const { items } = await cluster.ask("listing pods", ({ core }) =>
      core.listNamespacedPod({ namespace, labelSelector: `agentflow.dev/part=${part}` }),
    );
    return items
      .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
      .filter(({ metadata }) => build === undefined || metadata?.labels?.["agentflow.dev/build"] === build)
      .map(({ metadata }) => metadata?.name ?? "");
  };
  return {
    ...teller({ cwd: project.dir, environment: live.environment }),
    live,
    project,
    namespace,
    release,
    pods,
    open: async (build) => {
      for (const pod of await pods("worker-default", build))
        await runIn(cluster, { namespace, pod, container: "worker" }, ["touch", gate]);
    },
    api: async (work) => {
      const { clusterToken, openClusterDoor, openPlace } = await import("@agentflow/cluster/inside-cluster");
      const opened = await openPlace(place, process.env);
      const token = await clusterToken(opened);
      const door = await openClusterDoor(opened);
      const client = createClient({ url: door.url, token, retryForMs: 120_000 });
      try {
        return await work(client);
      } finally {
        client.close();
        await door.close();
      }
    },
    close: async () => {
      await live.close();
      project.remove();
    },
  };
}

/** Of images that the story makes by itself: which project's. */
export const imageLabel = "dev.agentflow.test";

/** Waits until it holds; throws what it stands for when it never does. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`still not so after ${withinMs / 1_000} s: ${what}`);
    await sleep(300);
  }
}
