/** How the container of a development worker is made. Pure. */
import type { ContainerCreateOptions } from "dockerode";
import { devLabels, devPlaces } from "./places.ts";

export interface DevWorkerOptions {
  readonly image: string;
  /** Of the container. */
  readonly name: string;
  /** The project on this machine; its files are read in the container as they are saved. */
  readonly projectDir: string;
  /** Folders of it that tools may write, relative; all else is read-only. */
  readonly writable: readonly string[];
  /** Folders of it that the container does not see: the image has its own, or none. */
  readonly hidden: readonly string[];
  /** Tells this project's containers from all others on the engine. */
  readonly key: string;
  /** Of the process that started it: containers of others under the same key are left over. */
  readonly session: string;
  /** Who it runs as, `1000:1000`; on Linux whoever owns the files. */
  readonly user: string;
  /** Never a secret. */
  readonly environment: Readonly<Record<string, string>>;
  /** A file with roots that the worker trusts beside its own. */
  readonly certificates?: string;
  readonly limits: { readonly cpus: number; readonly memoryMb: number; readonly pids: number };
}

/**
 * It lives as long as its standard input is held open: then the process in it ends and the engine removes it,
 * whatever became of whoever started it. Nothing of its output is kept: it carries frames.
 */
export function devWorkerContainer(options: DevWorkerOptions): ContainerCreateOptions {
  const { image, user, limits } = options;
  const [uid = "", gid = uid] = user.split(":");
  return {
    Image: image,
    name: options.name,
    Entrypoint: ["node"],
    Cmd: [...nodeFlags, devPlaces.entry],
    User: user,
    Hostname: "worker",
    WorkingDir: devPlaces.project,
    Env: environmentOf(options),
    Labels: { [devLabels.key]: options.key, [devLabels.session]: options.session },
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: true,
    Tty: false,
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      AutoRemove: true,
      Init: true,
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      LogConfig: { Type: "none", Config: {} },
      // So that a model or a service on this machine can be reached by this name.
      ExtraHosts: ["host.docker.internal:host-gateway"],
      Mounts: mountsOf(options),
      Tmpfs: {
        "/tmp": "rw,nosuid,nodev,size=256m,mode=1777",
        [devPlaces.secrets]: `rw,noexec,nosuid,nodev,size=4m,mode=0700,uid=${uid},gid=${gid}`,
      },
      NanoCpus: Math.round(limits.cpus * 1e9),
      Memory: limits.memoryMb * 1024 * 1024,
      PidsLimit: limits.pids,
    },
  };
}

/** As the supervisor of `af dev` without a container has them. */
const nodeFlags = ["--min-semi-space-size=4", "--max-semi-space-size=4", "--v8-pool-size=1"];

function environmentOf({ environment, certificates }: DevWorkerOptions): string[] {
  const all = {
    ...environment,
    HOME: "/tmp",
    AF_SECRETS_DIR: devPlaces.secrets,
    ...(certificates === undefined ? {} : { NODE_EXTRA_CA_CERTS: devPlaces.certificates }),
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}

type MountsOf = NonNullable<NonNullable<ContainerCreateOptions["HostConfig"]>["Mounts"]>;

function mountsOf({ projectDir, writable, hidden, certificates }: DevWorkerOptions): MountsOf {
  const bind = (source: string, target: string, readOnly: boolean): MountsOf[number] => ({
    Type: "bind",
    Source: source,
    Target: target,
    ReadOnly: readOnly,
  });
  return [
    bind(projectDir, devPlaces.project, true),
    ...writable.map((folder) => bind(`${projectDir}/${folder}`, `${devPlaces.project}/${folder}`, false)),
    ...hidden.map((folder): MountsOf[number] => ({
      Type: "tmpfs",
      Source: "",
      Target: `${devPlaces.project}/${folder}`,
      ReadOnly: true,
      TmpfsOptions: { SizeBytes: 4096, Mode: 0o555 },
    })),
    ...(certificates === undefined ? [] : [bind(certificates, devPlaces.certificates, true)]),
  ];
}
