/** Where the Docker engine is, found as Docker's own client finds it. Reads files, connects nowhere. */
export interface EngineAddress {
  /** `unix:///…`, `npipe:////./pipe/…`, `tcp://host:port`, `https://…` or `ssh://user@host`. */
  readonly host: string;
  /** Folder with ca.pem, cert.pem and key.pem. */
  readonly certificates?: string;
  readonly verify: boolean;
  /**
   * What told us, for messages: `target staging`, `DOCKER_HOST`, `Docker context colima`, `Podman's socket`,
   * `default`.
   */
  readonly from: string;
  /** Sockets that were looked for, in this order, when nothing told us. */
  readonly looked?: readonly string[];
}

export interface EngineLooking {
  /** `host` of the target in agentflow.yaml. */
  readonly host?: string;
  /** `dockerContext` of the target. */
  readonly context?: string;
  readonly target?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/** Whether the engine runs on another machine: then its published ports and folders are not ours. */
export function isRemote({ host }: EngineAddress): boolean {
  if (/^(unix|npipe):/.test(host)) return false;
  if (host.startsWith("ssh:")) return true;
  const name = URL.parse(host)?.hostname ?? "";
  return !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(name);
}
