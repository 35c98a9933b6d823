/** Sandboxes as pods of the test cluster, whose pods are containers of the test engine. */
import { testEngine } from "@agentflow/cluster/test-engine";
import { systemWorld } from "@agentflow/host/world";
import { type TestCluster, startTestCluster } from "@agentflow/test-cluster";
import { pack } from "tar-stream";
import { sandboxEntry } from "../../src/sandbox/for-worker.ts";
import { type PodSandboxes, type PodSource, podSandboxes } from "../../src/sandbox/kubernetes/pods.ts";
import { toolText, workerImage } from "./kit.ts";

export const projectDir = "/srv/project";

/** The worker's image with a project whose tool `box.run` has this body. */
export async function projectImage(name: string, body: string): Promise<string> {
  const [{ docker }, base] = await Promise.all([testEngine(), workerImage()]);
  const archive = pack();
  archive.entry({ name: "Dockerfile" }, `FROM ${base}\nCOPY project ${projectDir}\n`);
  archive.entry({ name: "project/tools/box.ts" }, toolText(body));
  archive.entry({ name: "project/package.json" }, JSON.stringify({ name, type: "module" }));
  const zod = { name: "project/node_modules/zod", linkname: "/opt/agentflow/node_modules/zod" };
  archive.entry({ ...zod, type: "symlink" });
  archive.finalize();
  const tag = `agentflow-test/${name}:1`;
  const building = await docker.buildImage(archive, { t: tag, nocache: false });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(building, (error) => (error === null ? resolve() : reject(error)));
  });
  return tag;
}

export async function clusterOnEngine(name: string): Promise<TestCluster> {
  const { docker } = await testEngine();
  return startTestCluster({ pods: { engine: docker, name } });
}

export interface Opening extends Partial<PodSandboxes> {
  readonly image: string;
  readonly runtimeClass?: string;
}

/** Nothing keeps networks apart here: `closed` is a door at which nobody listens, unless a test names one. */
export function podsOf(cluster: TestCluster, { image, runtimeClass, ...more }: Opening): PodSource {
  return podSandboxes({
    shape: { image, runtimeClass, projectDir, entry: sandboxEntry, owner: "box-prod" },
    namespace: "default",
    kubeconfig: cluster.kubeconfig,
    clock: systemWorld().clock,
    closed: { host: "127.0.0.1", port: 9 },
    ...more,
  });
}
