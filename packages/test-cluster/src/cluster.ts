/** A Kubernetes API server for one test: in this process, on loopback, gone when it is stopped. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Addresses } from "./api/addresses.ts";
import { Admission } from "./api/admission.ts";
import { Evictions } from "./api/eviction.ts";
import { FaultState, type Faults } from "./api/faults.ts";
import type { House } from "./api/handler.ts";
import type { PodDoors } from "./api/pod-doors.ts";
import { Registry } from "./api/resources.ts";
import { type Listener, listen } from "./api/server.ts";
import { bookmarkEverySeconds } from "./api/watch.ts";
import { Writes } from "./api/writes.ts";
import { bootstrap } from "./auth/bootstrap.ts";
import { Users } from "./auth/users.ts";
import { type Certificate, selfSigned } from "./certificate.ts";
import { type BehindChoice, makePods, workBehind } from "./cluster-pods.ts";
import { type CrdSet, keepCustomKinds } from "./custom.ts";
import { type LocalWriter, localWriter } from "./local-writer.ts";
import { keepNamespaces } from "./namespaces.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import { keepQuotas } from "./quota-status.ts";
import type { Store } from "./store.ts";
import { MemoryStore } from "./store/memory-store.ts";

export interface TestClusterOptions extends BehindChoice {
  /** Plain HTTP instead of TLS: kubeconfigs then skip verification, as Node's client wants it. */
  readonly plain?: boolean;
  /** A second address to listen on, which containers can reach. Loopback always is. */
  readonly alsoOn?: string;
  /** How many changes watches can go back. */
  readonly changesKept?: number;
  /** How often watches get a bookmark: once a minute where nothing is said. */
  readonly bookmarkSeconds?: number;
  /** Custom kinds that are installed from the beginning. */
  readonly crds?: readonly CrdSet[];
}

export interface TestCluster {
  /** Of a cluster-admin. */
  readonly kubeconfig: string;
  readonly server: string;
  /** Reached from containers, when `alsoOn` was given. */
  readonly serverFromContainers: string | undefined;
  readonly adminToken: string;
  /** The certificate that clients trust; undefined without TLS. */
  readonly authority: string | undefined;
  readonly store: Store;
  /** Writes as a client does, from within. */
  readonly writer: LocalWriter;
  readonly faults: Faults;
  /** A kubeconfig of somebody else: with no rights but those that his groups or bindings give. */
  userKubeconfig(name: string, options?: { groups?: readonly string[]; namespace?: string }): UserFile;
  /** From then on logs, exec and port-forward lead to these. */
  openPods(doors: PodDoors): void;
  /** As etcd does: what is older than now can no longer be watched from. */
  compact(): void;
  stop(): Promise<void>;
}

export interface UserFile {
  readonly kubeconfig: string;
  readonly token: string;
}

const admin = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };

export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const made = await makePods(options.pods ?? "none");
  const also = options.alsoOn ?? made.gateway;
  const parts = makeParts(options);
  const folder = mkdtempSync(join(tmpdir(), "af-test-cluster-"));
  const certificate = options.plain === true ? undefined : certificateFor(also);
  const writer = localWriter(parts.store, parts.registry, parts.house.writes);
  const ends = [
    keepNamespaces({ ...parts, writes: parts.house.writes, writer, authority: certificate?.certPem ?? "" }),
    keepQuotas(parts.store, parts.registry, parts.house.writes),
    keepCustomKinds(parts.store, parts.registry, options.crds ?? []),
  ];
  const { faults } = parts;
  const loopback = await listen(parts.house, { host: "127.0.0.1", certificate, faults });
  parts.port = loopback.port;
  const listeners = [loopback];
  if (also !== undefined) {
    listeners.push(await listen(parts.house, { host: also, port: loopback.port, certificate, faults }));
  }
  const place = { host: also ?? "127.0.0.1", port: loopback.port };
  const working =
    (options.pods ?? "none") === "none"
      ? undefined
      : await workBehind({ ...parts, writer, server: place }, options, made);
  parts.doors = working?.doors;
  const scheme = certificate === undefined ? "http" : "https";
  const server = `${scheme}://127.0.0.1:${loopback.port}`;
  const files = new KubeconfigFiles(folder, { server, authority: certificate?.certPem }, parts.users);
  const own = files.write(admin, "default");
  return {
    kubeconfig: own.kubeconfig,
    server,
    serverFromContainers: also && `${scheme}://${also}:${loopback.port}`,
    adminToken: own.token,
    authority: certificate?.certPem,
    store: parts.store,
    writer,
    faults: faultsOf(parts),
    userKubeconfig: (name, more = {}) =>
      files.write(
        { name, groups: [...(more.groups ?? []), "system:authenticated"] },
        more.namespace ?? "default",
      ),
    openPods(doors) {
      parts.doors = doors;
    },
    compact: () => parts.store.compact(parts.store.version),
    stop: async () => {
      await working?.behind.stop();
      await stopAll(listeners, ends, folder);
    },
  };
}

interface Parts {
  readonly store: MemoryStore;
  readonly registry: Registry;
  readonly users: Users;
  readonly faults: FaultState;
  readonly house: House;
  port: number;
  doors: PodDoors | undefined;
}

function makeParts(options: TestClusterOptions): Parts {
  const store = new MemoryStore(
    options.changesKept === undefined ? {} : { changesKept: options.changesKept },
  );
  bootstrap(store);
  store.compact(store.version);
  const registry = new Registry();
  if (options.metrics === "none") {
    for (const kind of ["nodes", "pods"]) registry.remove(`${kind}.metrics.k8s.io`);
  }
  const users = new Users();
  const parts: Parts = {
    store,
    registry,
    users,
    faults: new FaultState(),
    port: 0,
    doors: undefined,
    house: {
      store,
      registry,
      users,
      writes: new Writes(store, new Admission(store), new Addresses(store)),
      evictions: new Evictions(store),
      bookmarkSeconds: options.bookmarkSeconds ?? bookmarkEverySeconds,
      doors: () => parts.doors,
      address: () => `127.0.0.1:${parts.port}`,
    },
  };
  return parts;
}

function certificateFor(also: string | undefined): Certificate {
  const names = ["127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
  return selfSigned([...names, ...(also === undefined ? [] : [also])]);
}

class KubeconfigFiles {
  readonly #folder: string;
  readonly #server: { server: string; authority: string | undefined };
  readonly #users: Users;
  #written = 0;

  constructor(folder: string, server: { server: string; authority: string | undefined }, users: Users) {
    this.#folder = folder;
    this.#server = server;
    this.#users = users;
  }

  write(user: { name: string; groups: readonly string[] }, namespace: string): UserFile {
    const { token } = this.#users.issue(user);
    const kubeconfig = join(this.#folder, `kubeconfig-${this.#written++}`);
    const { server, authority } = this.#server;
    writeKubeconfig(kubeconfig, {
      server,
      token,
      user: user.name,
      namespace,
      ...(authority && { authority }),
    });
    return { kubeconfig, token };
  }
}

function faultsOf({ faults, users }: Parts): Faults {
  return {
    cut: () => faults.cut(),
    drop: (when, matches) => faults.drop(when, matches),
    say: (refusal, matches) => faults.say(refusal, matches),
    refuse: (code, times) => faults.refuse(code, times),
    stall: () => faults.stall(),
    resume: () => faults.resume(),
    expire: (token) => users.expire(token),
  };
}

async function stopAll(
  listeners: readonly Listener[],
  ends: readonly (() => void)[],
  folder: string,
): Promise<void> {
  for (const end of ends) end();
  await Promise.all(listeners.map(async (one) => one.close()));
  rmSync(folder, { recursive: true, force: true });
}
