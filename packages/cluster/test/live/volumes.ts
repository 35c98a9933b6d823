/**
 * Storage where a cluster makes none by itself: a folder of one node as a volume, under a storage class of
 * the run's own. A pod makes the folder and removes it again; nothing is left of all three.
 */
import type { Cluster } from "@agentflow/cluster/kubernetes";
import type { V1Pod } from "@kubernetes/client-node";
import { setTimeout as sleep } from "node:timers/promises";
import { isDefaultClass, isOpen, storageClasses } from "./facts.ts";
import { orNothing } from "./namespaces.ts";

export interface VolumesOf {
  readonly cluster: Cluster;
  readonly run: string;
  namespace(word: string): string;
  /** One with a shell, on the nodes. */
  image(): Promise<string>;
}

type Say = (line: string) => void;
type Storage = Readonly<Record<string, unknown>>;

const natsGb = 1;
const parent = "/var/tmp";
const doneWithinMs = 300_000;

export class Volumes {
  readonly #of: VolumesOf;
  #storage: Promise<Storage> | undefined;
  #made: { readonly node: string; readonly namespace: string } | undefined;

  constructor(of: VolumesOf) {
    this.#of = of;
  }

  /** The default class; else one that makes volumes; else a folder. */
  storage(say: Say): Promise<Storage> {
    return (this.#storage ??= this.#find(say));
  }

  async #find(say: Say): Promise<Storage> {
    const classes = await storageClasses(this.#of.cluster);
    if (classes.some(isDefaultClass)) return { natsGb };
    const other = classes.find(({ provisioner }) => provisioner !== "kubernetes.io/no-provisioner");
    if (other !== undefined) {
      say(`no storage class is the default: ${other.metadata?.name} is taken`);
      return { natsGb, className: other.metadata?.name };
    }
    await this.#make(say);
    return { natsGb, className: this.#name };
  }

  async remove(say: Say): Promise<void> {
    if (this.#made === undefined) return;
    const { cluster } = this.#of;
    const { node } = this.#made;
    // The namespace of the pod that made it has gone with the others.
    const namespace = `${this.#name}-end`;
    try {
      await cluster.ask("making a namespace", ({ core }) => core.createNamespace({ body: open(namespace) }));
      await this.#inFolder(`rm -rf /at/${this.#name}`, { node, namespace });
      say(`${parent}/${this.#name} of node ${node} is removed`);
    } finally {
      await orNothing(
        cluster.ask("removing the volume", ({ core }) => core.deletePersistentVolume({ name: this.#name })),
      );
      const { StorageV1Api } = await import("@kubernetes/client-node");
      await orNothing(
        cluster.ask("removing the storage class", async ({ config }) =>
          config.makeApiClient(StorageV1Api).deleteStorageClass({ name: this.#name }),
        ),
      );
      await orNothing(
        cluster.ask("removing a namespace", ({ core }) => core.deleteNamespace({ name: namespace })),
      );
    }
  }

  get #name(): string {
    return `af-test-${this.#of.run}`;
  }

  async #make(say: Say): Promise<void> {
    const { cluster, namespace: named } = this.#of;
    const node = await this.#node();
    const namespace = named("volumes");
    say(`the cluster makes no volumes: ${parent}/${this.#name} of node ${node} is one for this run`);
    this.#made = { node, namespace };
    await cluster.ask("making a namespace", ({ core }) => core.createNamespace({ body: open(namespace) }));
    await this.#inFolder(`mkdir -p /at/${this.#name} && chmod 0777 /at/${this.#name}`, { node, namespace });
    const { StorageV1Api } = await import("@kubernetes/client-node");
    await cluster.ask("making a storage class", async ({ config }) =>
      config.makeApiClient(StorageV1Api).createStorageClass({
        body: {
          metadata: { name: this.#name },
          provisioner: "kubernetes.io/no-provisioner",
          reclaimPolicy: "Retain",
          volumeBindingMode: "WaitForFirstConsumer",
        },
      }),
    );
    await cluster.ask("making a volume", ({ core }) =>
      core.createPersistentVolume({ body: this.#volume(node) }),
    );
  }

  #volume(node: string) {
    const there = { key: "metadata.name", operator: "In", values: [node] };
    return {
      metadata: { name: this.#name },
      spec: {
        capacity: { storage: `${natsGb}Gi` },
        accessModes: ["ReadWriteOnce"],
        persistentVolumeReclaimPolicy: "Retain",
        storageClassName: this.#name,
        local: { path: `${parent}/${this.#name}` },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchFields: [there] }] } },
      },
    };
  }

  async #node(): Promise<string> {
    const { items } = await this.#of.cluster.ask("listing nodes", ({ core }) => core.listNode());
    const name = items.find(isOpen)?.metadata?.name;
    if (name === undefined) throw new Error("no node of the cluster takes pods");
    return name;
  }

  /** Runs a line of shell beside the folder, as root: volumes of a node have no other maker. */
  async #inFolder(
    line: string,
    { node, namespace }: { readonly node: string; readonly namespace: string },
  ): Promise<void> {
    const { cluster, image } = this.#of;
    const name = "folder";
    const pod: V1Pod = {
      metadata: { name },
      spec: {
        nodeName: node,
        restartPolicy: "Never",
        automountServiceAccountToken: false,
        containers: [
          {
            name,
            image: await image(),
            imagePullPolicy: "IfNotPresent",
            command: ["sh", "-c", line],
            securityContext: { runAsUser: 0 },
            volumeMounts: [{ name: "at", mountPath: "/at" }],
          },
        ],
        volumes: [{ name: "at", hostPath: { path: parent, type: "DirectoryOrCreate" } }],
      },
    };
    await this.#account(namespace);
    await cluster.ask("making a pod", ({ core }) => core.createNamespacedPod({ namespace, body: pod }));
    const untilMs = performance.now() + doneWithinMs;
    for (;;) {
      const { status } = await cluster.ask("looking at a pod", ({ core }) =>
        core.readNamespacedPod({ namespace, name }),
      );
      if (status?.phase === "Succeeded") return;
      if (status?.phase === "Failed" || performance.now() > untilMs)
        throw new Error(`the pod that was to run ${line} did not: ${JSON.stringify(status)}`);
      await sleep(300);
    }
  }

  /** Pods are refused until the namespace has its account. */
  async #account(namespace: string): Promise<void> {
    const untilMs = performance.now() + doneWithinMs;
    const asked = () =>
      this.#of.cluster.ask("looking for the account", ({ core }) =>
        core.readNamespacedServiceAccount({ namespace, name: "default" }),
      );
    while ((await orNothing(asked())) === undefined && performance.now() < untilMs) await sleep(200);
  }
}

function open(name: string) {
  return { metadata: { name, labels: { "pod-security.kubernetes.io/enforce": "privileged" } } };
}
