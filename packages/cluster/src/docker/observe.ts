/** What of an installation is on an engine now. */
import type Docker from "dockerode";
import { labels } from "../model/names.ts";
import type { Engine } from "./engine/open.ts";

/** Which installation; also what its objects are found by. */
export interface Installed {
  readonly project: string;
  readonly target: string;
}

export interface Observed {
  /** Ids, the oldest first. More than one when two were made at the same time. */
  readonly networks: readonly string[];
  readonly volumes: readonly ObservedVolume[];
  readonly containers: readonly ObservedContainer[];
}

export interface ObservedVolume {
  readonly name: string;
  /** `data`, `keys`, `state`, `files` or `secrets`. */
  readonly holds: string;
  /** How many copies share the data; unknown: 0. */
  readonly copies: number;
}

export interface ObservedContainer {
  readonly id: string;
  readonly name: string;
  readonly part: string;
  readonly copy: number;
  readonly config: string;
  /** As it was asked for, by name. */
  readonly image: string;
  readonly imageId: string;
  readonly state: "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";
  readonly health: "none" | "starting" | "healthy" | "unhealthy";
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly restarts: number;
  /** When it was last started; empty when it never was. */
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Why the engine could not start it; empty when it could. */
  readonly error: string;
  /** Ids of the networks it is on, by name; one that it joins at its first start has no id yet. */
  readonly networks: ReadonlyMap<string, string>;
  /** Names of the volumes it mounts, by their place in it. */
  readonly mounts: ReadonlyMap<string, string>;
  /** What the last health check printed; empty when it said nothing. */
  readonly healthSaid: string;
  /** What is run in it to learn whether it is ready; nothing when it was made without. */
  readonly healthTest?: readonly string[];
  /** Started again when it ends: what runs once is not. */
  readonly restarting: boolean;
  /** Published ports of the engine's machine. */
  readonly published: readonly number[];
}

/** All objects with the installation's labels, whoever made them: `af up` or compose. */
export async function observe(engine: Engine, of: Installed): Promise<Observed> {
  const filters = { label: [`${labels.project}=${of.project}`, `${labels.target}=${of.target}`] };
  return engine.ask("looking at the installation", async (docker) => {
    const [networks, { Volumes: volumes }, listed] = await Promise.all([
      docker.listNetworks({ filters }),
      docker.listVolumes({ filters }),
      docker.listContainers({ all: true, filters }),
    ]);
    const containers = await Promise.all(listed.map(async ({ Id }) => inspect(docker, Id)));
    return {
      networks: networks.toSorted(byAge).map(({ Id }) => Id),
      volumes: (volumes ?? []).map(({ Name, Labels: own }) => ({
        name: Name,
        holds: own?.[labels.holds] ?? "",
        copies: Number(own?.[labels.copies] ?? 0),
      })),
      containers: containers.flatMap((one) => one ?? []).sort(byName),
    };
  });
}

/** One container anew; nothing when it is gone. */
export async function observeContainer(engine: Engine, id: string): Promise<ObservedContainer | undefined> {
  return engine.ask("looking at a container", async (docker) => inspect(docker, id));
}

async function inspect(docker: Docker, id: string): Promise<ObservedContainer | undefined> {
  try {
    return observedOf(await docker.getContainer(id).inspect());
  } catch (error) {
    if (error instanceof Error && "statusCode" in error && error.statusCode === 404) return undefined;
    throw error;
  }
}

function observedOf(info: Docker.ContainerInspectInfo): ObservedContainer {
  const { State: state, Config: config } = info;
  const own = config.Labels ?? {};
  const ports: unknown = info.HostConfig.PortBindings;
  const bindings = Object.values(typeof ports === "object" && ports !== null ? ports : {}).flatMap(portsOf);
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ""),
    part: own[labels.part] ?? "",
    copy: Number(own[labels.copy] ?? 0),
    config: own[labels.config] ?? "",
    image: config.Image,
    imageId: info.Image,
    state: stateOf(state.Status),
    health: healthOf(state.Health?.Status),
    exitCode: state.ExitCode,
    oomKilled: state.OOMKilled,
    restarts: info.RestartCount,
    startedAt: state.StartedAt.startsWith("0001-") ? "" : state.StartedAt,
    finishedAt: state.FinishedAt.startsWith("0001-") ? "" : state.FinishedAt,
    error: state.Error ?? "",
    networks: networksOf(info),
    mounts: new Map(info.Mounts.map(({ Destination, Name }) => [Destination, Name ?? ""])),
    healthSaid: state.Health?.Log?.at(-1)?.Output.slice(0, 1_000).trim() ?? "",
    ...healthTestOf(config.Healthcheck?.Test),
    restarting: !["", "no"].includes(info.HostConfig.RestartPolicy?.Name ?? ""),
    published: bindings,
  };
}

function networksOf({ NetworkSettings: { Networks } }: Docker.ContainerInspectInfo): Map<string, string> {
  return new Map(Object.entries(Networks ?? {}).map(([name, { NetworkID }]) => [name, NetworkID ?? ""]));
}

function healthTestOf(test: readonly string[] | undefined): Pick<ObservedContainer, "healthTest"> {
  const [kind, ...words] = test ?? [];
  return kind === "CMD" ? { healthTest: words } : {};
}

function portsOf(list: unknown): number[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((one: { readonly HostPort?: string } | null) => {
    const port = Number(one?.HostPort ?? "");
    return port > 0 ? [port] : [];
  });
}

const states: readonly ObservedContainer["state"][] = [
  "created",
  "running",
  "paused",
  "restarting",
  "removing",
  "exited",
  "dead",
];

/** Podman has more words: `configured` and `initialized` before a start, `stopped` after an end. */
function stateOf(status: string): ObservedContainer["state"] {
  const known = states.find((state) => state === status);
  return known ?? (status === "stopped" || status === "stopping" ? "exited" : "created");
}

function healthOf(status: string | undefined): ObservedContainer["health"] {
  return status === "healthy" || status === "unhealthy" || status === "starting" ? status : "none";
}

function byAge(a: Docker.NetworkInspectInfo, b: Docker.NetworkInspectInfo): number {
  return Date.parse(a.Created) - Date.parse(b.Created) || (a.Id < b.Id ? -1 : 1);
}

function byName(a: ObservedContainer, b: ObservedContainer): number {
  return a.part === b.part ? a.copy - b.copy : a.part < b.part ? -1 : 1;
}
