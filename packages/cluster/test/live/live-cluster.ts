/**
 * The cluster of one test file. Which one it is only this folder knows: what is given out is the same for
 * somebody's own (AF_TEST_KUBECONFIG) and for ours, whose pods are containers of the tests' engine.
 */
import { type Engine, findEngine, openEngine } from "@agentflow/cluster/engine";
import { type Cluster, openCluster } from "@agentflow/cluster/kubernetes";
import { startTestCluster } from "@agentflow/test-cluster";
import { homedir } from "node:os";
import { baseImages, engineMissing, type TestEngine, testEngine } from "../engine/index.ts";
import { carry } from "./carry.ts";
import { clusterFacts } from "./facts.ts";
import { type Carrier, readGiven } from "./given.ts";
import { removeNamespaces } from "./namespaces.ts";
import { Volumes } from "./volumes.ts";

export interface LiveCluster {
  /** What `af` is run with: where the cluster is, and the engine that builds. */
  readonly environment: Readonly<Record<string, string>>;
  readonly kubeconfig: string;
  readonly cluster: Cluster;
  /** The engine that builds; images are named on it, and removed from it. */
  readonly engine: Engine;
  /** What a target says to be carried there, but for its namespace and storage. */
  readonly target: Readonly<Record<string, unknown>>;
  /** `storage` of a target; where the cluster makes no volumes, one is made by hand. */
  storage(): Promise<Readonly<Record<string, unknown>>>;
  /** A name that nobody else has; the namespace is removed at the end, whoever made it. */
  namespace(word: string): string;
  /** Brings an image of the engine to the nodes; answers how pods name it. */
  bring(image: string): Promise<string>;
  /** Images with this label go from the engine at the end; nodes remove theirs by themselves. */
  removesImages(label: string): void;
  /** Removes all that was made, also after a failure. */
  close(): Promise<void>;
}

/** Why the suite cannot run here, or undefined. Throws where somebody has asked for it by name. */
export async function liveMissing(): Promise<string | undefined> {
  const { kind } = readGiven(process.env);
  const missing = await engineMissing();
  if (missing !== undefined && kind === "own") throw new Error(`nothing can be built here: ${missing}`);
  return missing;
}

export async function liveCluster(): Promise<LiveCluster> {
  const given = readGiven(process.env);
  await using ends = new AsyncDisposableStack();
  const target = await testEngine();
  const base = await baseImages(target);
  const building = { ...inherited(process.env), DOCKER_HOST: target.host };
  const engine = await openEngine(await findEngine({ environment: building, home: homedir() }));
  ends.defer(() => engine.close());
  const labels: string[] = [];
  ends.defer(async () => removeImages(engine, labels));
  const run = `${process.pid}-${Math.random().toString(36).slice(2, 6)}`;
  const { kubeconfig, carrier } = given.kind === "own" ? given : await ourCluster(target, { run, ends });
  const cluster = await openCluster({ kubeconfig, environment: process.env });
  ends.defer(() => cluster.close());
  const names = new Set<string>();
  const namespace = (word: string): string => {
    const name = `af-test-${word}-${run}`;
    names.add(name);
    return name;
  };
  const bring = async (image: string): Promise<string> =>
    carry(image, { carrier, engine, environment: building });
  const volumes = new Volumes({ cluster, run, namespace, image: async () => bring(base.nats) });
  ends.defer(async () => volumes.remove(say));
  ends.defer(async () => removeNamespaces(cluster, [...names], say));
  for (const line of await clusterFacts(cluster)) say(line);
  const nats = "registry" in carrier ? await bring(base.nats) : base.nats;
  const closing = ends.move();
  return {
    environment: { ...building, KUBECONFIG: kubeconfig },
    kubeconfig,
    cluster,
    engine,
    target: { kind: "kubernetes", ...carrier, images: { base: base.node, nats } },
    storage: async () => volumes.storage(say),
    namespace,
    bring,
    removesImages: (label) => void labels.push(label),
    close: async () => closing.disposeAsync(),
  };
}

/** Commands of the user's - plugins of a kubeconfig, `imageLoad` - have what they are used to. */
function inherited(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const ours = /^(AF_(?!BUILDER$)|VITE|VITEST|NODE_|TEST$|FORCE_COLOR$|XDG_)/;
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value === undefined || ours.test(name) ? [] : [[name, value]],
    ),
  );
}

async function removeImages({ docker }: Engine, labels: readonly string[]): Promise<void> {
  for (const label of labels)
    for (const { Id } of await docker.listImages({ filters: { label: [label] } }))
      await docker.getImage(Id).remove({ force: true });
}

/** As little as a cluster may have: nothing makes volumes. */
async function ourCluster(
  { docker }: TestEngine,
  { run, ends }: { readonly run: string; readonly ends: AsyncDisposableStack },
): Promise<{ readonly kubeconfig: string; readonly carrier: Carrier }> {
  const cluster = await startTestCluster({ pods: { engine: docker, name: `af-live-${run}` } });
  ends.defer(async () => cluster.stop());
  const resource = "storageclasses.storage.k8s.io";
  for (const { metadata } of cluster.store.list(resource))
    cluster.store.remove({ resource, namespace: "", name: metadata.name });
  return { kubeconfig: cluster.kubeconfig, carrier: { imageLoad: "true {image}" } };
}

function say(line: string): void {
  process.stdout.write(`  ${line}\n`);
}
