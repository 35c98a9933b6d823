/** The rendered model as objects of a Docker engine. Pure: the same installation gives the same objects. */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { ContainerCreateOptions, MountSettings } from "dockerode";
import type { ConfigFile, Installation, Part, PartName, PartRole, Volume } from "../model/installation.ts";
import { containerName, copyName, labels, stackName, volumeName } from "../model/names.ts";
import { hardening } from "../model/hardening.ts";
import { healthTest } from "../model/health-test.ts";
import { allVolumes, isCopyOfData, mountedVolume } from "../model/volumes.ts";

export interface Objects {
  readonly project: string;
  readonly target: string;
  readonly network: WantedNetwork;
  readonly volumes: readonly WantedVolume[];
  /** Names of the secrets that the project asks for. */
  readonly secrets: readonly string[];
  /** In the order in which they are started. */
  readonly containers: readonly WantedContainer[];
}

export interface WantedNetwork {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface WantedVolume {
  readonly name: string;
  /** `files`: configuration, `secrets`: values; both written at each `up`. */
  readonly holds: Volume["holds"] | "files" | "secrets";
  readonly labels: Readonly<Record<string, string>>;
  /** What stands in a volume of `files`. */
  readonly files: readonly ConfigFile[];
}

export interface WantedContainer {
  readonly name: string;
  readonly part: PartName;
  readonly copy: number;
  readonly role: PartRole;
  readonly runs: Part["runs"];
  readonly image: string;
  /** Hash of all that it is made from: an observed container with another one is replaced. */
  readonly config: string;
  readonly options: ContainerCreateOptions;
  /** Volumes that it mounts. */
  readonly volumes: readonly string[];
  readonly after: readonly PartName[];
  /** Command that ends with 0 when it is ready. */
  readonly health?: readonly string[];
  readonly stopMs: number;
}

export function objectsOf(installation: Installation): Objects {
  const { project, target } = installation;
  const own = { [labels.project]: project, [labels.target]: target, [labels.version]: installation.version };
  return {
    project,
    target,
    network: { name: stackName(installation), labels: own },
    volumes: volumesOf(installation, own),
    secrets: installation.secrets,
    containers: installation.parts.flatMap((part) =>
      copies(part).map((copy) => containerOf(installation, part, { copy, own })),
    ),
  };
}

type Labels = Readonly<Record<string, string>>;

function copies(part: Part): number[] {
  return Array.from({ length: part.replicas }, (_, index) => index + 1);
}

function volumesOf(installation: Installation, own: Labels): WantedVolume[] {
  const wanted = (
    name: string,
    holds: WantedVolume["holds"],
    files: readonly ConfigFile[] = [],
  ): WantedVolume => ({
    name: volumeName(installation, name),
    holds,
    labels: { ...own, [labels.holds]: holds },
    files,
  });
  const volumes = allVolumes(installation);
  const copies = { [labels.copies]: String(volumes.filter(isCopyOfData).length) };
  const kept = volumes.map((one) => {
    const volume = wanted(one.name, one.holds);
    return isCopyOfData(one) ? { ...volume, labels: { ...volume.labels, ...copies } } : volume;
  });
  const files = installation.parts.flatMap((part) =>
    part.replicas === 0 ? [] : folders(part).map(({ volume, files }) => wanted(volume, "files", files)),
  );
  return [...kept, ...files, ...(takesSecrets(installation) ? [wanted("secrets", "secrets")] : [])];
}

function takesSecrets({ parts, secrets }: Installation): boolean {
  return (
    secrets.length > 0 && parts.some(({ secretsAt, replicas }) => secretsAt !== undefined && replicas > 0)
  );
}

interface Folder {
  readonly path: string;
  readonly volume: string;
  readonly files: readonly ConfigFile[];
}

/** A container's root is read-only to the engine too: small files get there in a volume for each folder. */
function folders(part: Part): Folder[] {
  const byFolder = Map.groupBy(part.files, ({ path }) => posix.dirname(path));
  return [...byFolder].map(([path, files], index) => ({
    path,
    volume: `${part.name}-files${index === 0 ? "" : `-${index + 1}`}`,
    files: files.map(({ path: file, content }) => ({ path: posix.basename(file), content })),
  }));
}

function containerOf(
  installation: Installation,
  part: Part,
  { copy, own }: { readonly copy: number; readonly own: Labels },
): WantedContainer {
  const name = containerName(installation, part.name, copy);
  const health = healthTest(part);
  const mounts = mountsOf(installation, part, copy);
  const made: ContainerCreateOptions = {
    Image: part.image,
    User: part.engine === undefined ? hardening.user : "0:0",
    Cmd: [...part.command],
    Env: environmentOf(part, copy),
    StopTimeout: Math.ceil(part.stopMs / 1_000),
    ...(health === undefined || part.health === undefined
      ? {}
      : { Healthcheck: healthOf(part.health, health) }),
    ...networkOf(installation, part, copy),
    HostConfig: {
      ...hardened(part),
      // Root's rights over files, for the engine's socket may be a group's; it has the engine anyway.
      ...(part.engine === undefined ? {} : { CapAdd: ["DAC_OVERRIDE"] }),
      NetworkMode: networkMode(installation, part),
      Mounts: [...mounts, ...engineMount(part)],
      PortBindings: published(installation, part, copy),
    },
  };
  const config = hashOf([made, folders(part).map(({ path, files }) => [path, files])]);
  return {
    name,
    part: part.name,
    copy,
    role: part.role,
    runs: part.runs,
    image: part.image,
    config,
    options: {
      ...made,
      name,
      Labels: { ...own, [labels.part]: part.name, [labels.copy]: String(copy), [labels.config]: config },
    },
    volumes: mounts.map(({ Source }) => Source),
    after: part.after,
    ...(health === undefined ? {} : { health }),
    stopMs: part.stopMs,
  };
}

function environmentOf(part: Part, copy: number): string[] {
  const own = part.nameIn === undefined ? {} : { [part.nameIn]: copyName(part.name, copy) };
  const all = Object.entries({ ...part.environment, ...own });
  return all.map(([name, value]) => `${name}=${value}`).sort();
}

type HostConfig = NonNullable<ContainerCreateOptions["HostConfig"]>;

function networkMode(installation: Installation, { network }: Part): string {
  return network === undefined
    ? stackName(installation)
    : `container:${containerName(installation, network, 1)}`;
}

/** Who shares another's network has its name, addresses and ports too. */
function networkOf(installation: Installation, part: Part, copy: number): Partial<ContainerCreateOptions> {
  if (part.network !== undefined) return {};
  const name = copyName(part.name, copy);
  return {
    Hostname: name,
    ExposedPorts: Object.fromEntries(part.ports.map((port) => [`${port}/tcp`, {}])),
    NetworkingConfig: { EndpointsConfig: { [stackName(installation)]: { Aliases: [name] } } },
  };
}

/** What every container gets, whatever it runs. */
function hardened({ limits, runs }: Part): HostConfig {
  const memory = limits.memoryMb * 1024 * 1024;
  const { tmpfs, logs } = hardening;
  return {
    ReadonlyRootfs: true,
    Tmpfs: { [tmpfs.path]: `rw,nosuid,nodev,size=${tmpfs.sizeMb}m,mode=1777` },
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    NanoCpus: Math.round(limits.cpus * 1e9),
    Memory: memory,
    MemorySwap: memory,
    PidsLimit: limits.pids,
    Init: true,
    LogConfig: {
      Type: logs.driver,
      Config: { "max-size": String(logs.fileBytesMax), "max-file": String(logs.files) },
    },
    RestartPolicy: { Name: runs === "once" ? "no" : "unless-stopped" },
  };
}

function mountsOf(installation: Installation, part: Part, copy: number): MountSettings[] {
  const mount = (name: string, path: string, readOnly: boolean): MountSettings => ({
    Type: "volume",
    Source: volumeName(installation, name),
    Target: path,
    ReadOnly: readOnly,
    // Owner and content are ours to set: nothing is copied from the image.
    VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: "", Options: {} } },
  });
  const { secretsAt } = part;
  return [
    ...folders(part).map(({ path, volume }) => mount(volume, path, true)),
    ...part.mounts.map((one) => mount(mountedVolume(installation, one, copy), one.path, one.readOnly)),
    ...(secretsAt === undefined || !takesSecrets(installation) ? [] : [mount("secrets", secretsAt, true)]),
  ];
}

function engineMount({ engine }: Part): MountSettings[] {
  if (engine === undefined) return [];
  return [{ Type: "bind", Source: engine.socket, Target: engine.path, ReadOnly: true }];
}

type Bindings = Readonly<Record<string, { readonly HostIp: string; readonly HostPort: string }[]>>;

/** Only the API is reached from outside; copy n at the n-th port. */
function published({ api }: Installation, part: Part, copy: number): Bindings {
  const [port] = part.ports;
  if (part.name !== api.part || port === undefined) return {};
  return { [`${port}/tcp`]: [{ HostIp: api.host, HostPort: String(api.port + copy - 1) }] };
}

function healthOf(
  health: NonNullable<Part["health"]>,
  test: readonly string[],
): ContainerCreateOptions["Healthcheck"] {
  const nanos = (ms: number): number => ms * 1_000_000;
  return {
    Test: ["CMD", ...test],
    Interval: nanos(health.everyMs),
    Timeout: nanos(health.timeoutMs),
    Retries: health.retries,
    StartPeriod: nanos(health.startMs),
  };
}

/** Keys in any order give the same hash. */
function hashOf(value: unknown): string {
  return createHash("sha256").update(canonical(value)).digest("hex").slice(0, 16);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
}
