/**
 * Pods as containers of an engine: one network for the cluster, an address for each pod; several containers
 * of one pod share the network of one that only holds it. Volumes are the engine's, so it need not see this
 * machine's files.
 */
import { connect, type Socket } from "node:net";
import type Docker from "dockerode";
import { holdNetwork, startInEngine } from "./docker-container.ts";
import { clusterLabel, type Engine, quietly } from "./docker-engine.ts";
import { clusterNetwork } from "./docker-network.ts";
import { fillVolumes, volumeName } from "./docker-volumes.ts";
import type { NameServer, Resolve } from "./name-server.ts";
import { startNameServer } from "./name-server.ts";
import type { PodRuntime, Running, Sandbox, SandboxSpec } from "./runtime.ts";

export interface DockerOptions {
  readonly engine: Docker;
  /** Of network, containers and volumes: what they are called begins with it, and a label says it. */
  readonly name: string;
}

export interface DockerPods extends PodRuntime {
  /** Where pods reach this process: the API server has to listen there. */
  readonly gateway: string;
  /** From then on pods find each other by name. */
  answerNames(resolve: Resolve): Promise<void>;
}

export async function dockerPods({ engine, name }: DockerOptions): Promise<DockerPods> {
  const labels = { [clusterLabel]: name };
  const network = await clusterNetwork(engine, name, labels);
  const held: Engine = { engine, name, labels, network: network.id, gateway: network.gateway };
  let names: NameServer | undefined;
  return {
    scheme: "docker",
    gateway: network.gateway,
    async answerNames(resolve) {
      names = await startNameServer(network.gateway, resolve);
    },
    image: (reference) => imageOf(engine, reference),
    async pull(reference) {
      if ((await imageOf(engine, reference)) !== undefined) return;
      const why = `failed to resolve reference "${reference}": ${reference}: not found`;
      throw new Error(`failed to pull and unpack image "${reference}": ${why}`);
    },
    async sandbox(spec) {
      await fillVolumes(held, spec);
      return podIn(held, spec, network.nextAddress());
    },
    async removeClaim(claim) {
      await quietly(
        engine.getVolume(volumeName(held, { kind: "claim", claim }, { uid: "", volume: "" })).remove(),
      );
    },
    async stop() {
      await names?.stop();
      await sweep(engine, name);
    },
  };
}

async function imageOf(engine: Docker, reference: string) {
  try {
    const found = await engine.getImage(reference).inspect();
    return { id: found.Id, name: reference, user: found.Config.User ?? "" };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "statusCode" in error && error.statusCode === 404;
}

function podIn(held: Engine, spec: SandboxSpec, address: string): Sandbox {
  const containers = new Set<Running>();
  // Containers start at the same time, and each may end before the others: so none of them has the network.
  let holder: Promise<Running> | undefined;
  const network = (image: string): Promise<Running> => {
    holder ??= holdNetwork(held, { spec, address, image }).catch((error: unknown) => {
      holder = undefined;
      throw error;
    });
    return holder;
  };
  return {
    address,
    connect: (port) => reach(address, port),
    async start(launch, output) {
      const shares = spec.images.length > 1 ? (await network(launch.image)).id : undefined;
      const running = await startInEngine(held, { spec, address, shares, launch, output });
      containers.add(running);
      void running.ended.then(() => containers.delete(running));
      return running;
    },
    async remove() {
      const kept = await holder?.catch(() => undefined);
      const all = kept === undefined ? [...containers] : [...containers, kept];
      for (const running of all) running.signal("SIGKILL");
      await Promise.all(all.map((running) => running.ended));
      await removeVolumes(held, spec);
    },
  };
}

async function removeVolumes(held: Engine, spec: SandboxSpec): Promise<void> {
  for (const [volume, content] of spec.volumes) {
    if (content.kind === "claim") continue;
    const name = volumeName(held, content, { uid: spec.pod.uid, volume });
    await quietly(held.engine.getVolume(name).remove());
  }
}

function reach(address: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, address);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

/** All that carries the cluster's label. */
async function sweep(engine: Docker, name: string): Promise<void> {
  const filters = { label: [`${clusterLabel}=${name}`] };
  for (const { Id } of await engine.listContainers({ all: true, filters })) {
    await quietly(engine.getContainer(Id).remove({ force: true, v: true }));
  }
  const { Volumes: volumes } = await engine.listVolumes({ filters });
  for (const { Name } of volumes ?? []) await quietly(engine.getVolume(Name).remove({ force: true }));
  for (const { Id } of await engine.listNetworks({ filters })) await quietly(engine.getNetwork(Id).remove());
}
