/** What an engine says of itself and its disk. Releases and engines differ in what they leave out. */
export interface EngineInfo {
  readonly memory: number;
  readonly cpus: number;
  /** Where it keeps everything. */
  readonly root: string;
  readonly runtimes: readonly string[];
  /** Whether it holds containers to what they may use. */
  readonly enforces: { readonly memory: boolean; readonly cpus: boolean; readonly processes: boolean };
}

export interface EngineUsage {
  readonly images: number;
  readonly volumes: number;
  readonly cache: number;
  /** What nobody uses. */
  readonly reclaimable: number;
}

interface Info {
  readonly MemTotal?: number;
  readonly NCPU?: number;
  readonly DockerRootDir?: string;
  readonly Runtimes?: Readonly<Record<string, unknown>> | null;
  readonly MemoryLimit?: boolean;
  readonly CpuCfsQuota?: boolean;
  readonly PidsLimit?: boolean;
}

export function parseInfo(value: unknown): EngineInfo {
  const info = (value ?? {}) as Info;
  return {
    memory: info.MemTotal ?? 0,
    cpus: info.NCPU ?? 0,
    root: info.DockerRootDir ?? "",
    // Older engines list a runtime also under the names of its shims.
    runtimes: Object.keys(info.Runtimes ?? {})
      .filter((name) => !name.startsWith("io.containerd."))
      .sort(),
    enforces: {
      memory: info.MemoryLimit !== false,
      cpus: info.CpuCfsQuota !== false,
      processes: info.PidsLimit !== false,
    },
  };
}

interface Usage {
  readonly LayersSize?: number;
  readonly Images?:
    | readonly { readonly Size?: number; readonly SharedSize?: number; readonly Containers?: number }[]
    | null;
  readonly Volumes?:
    | readonly { readonly UsageData?: { readonly Size?: number; readonly RefCount?: number } | null }[]
    | null;
  readonly BuildCache?:
    | readonly { readonly Size?: number; readonly InUse?: boolean; readonly Shared?: boolean }[]
    | null;
}

export function parseUsage(value: unknown): EngineUsage {
  const {
    LayersSize: layers = 0,
    Images: images,
    Volumes: volumes,
    BuildCache: cache,
  } = (value ?? {}) as Usage;
  const sum = (sizes: readonly number[]): number =>
    sizes.reduce((total, size) => total + Math.max(0, size), 0);
  const unusedImages = (images ?? []).filter(({ Containers: count = 0 }) => count <= 0);
  const unusedCache = (cache ?? []).filter(
    ({ InUse: used, Shared: shared }) => used !== true && shared !== true,
  );
  return {
    images: layers,
    volumes: sum((volumes ?? []).map(({ UsageData: data }) => data?.Size ?? 0)),
    cache: sum((cache ?? []).map(({ Size: size = 0 }) => size)),
    reclaimable:
      // What an image shares with others is not won by removing it.
      sum(unusedImages.map(({ Size: size = 0, SharedSize: shared = 0 }) => size - Math.max(0, shared))) +
      sum(unusedCache.map(({ Size: size = 0 }) => size)),
  };
}

/** What a trial container says: its clock, and the room that its file system has. */
export interface TrialAnswer {
  readonly now: number;
  readonly free: number;
  readonly uid: number;
  /** Whether its root could be written, which it must not. */
  readonly writable: boolean;
}

export function parseTrial(text: string): TrialAnswer | undefined {
  try {
    const value = JSON.parse(text) as Partial<TrialAnswer> | null;
    const { now, free, uid, writable } = value ?? {};
    if (typeof now !== "number" || typeof free !== "number" || typeof uid !== "number") return undefined;
    return { now, free, uid, writable: writable === true };
  } catch {
    return undefined;
  }
}

/** How a container ended; 1 when the engine does not say it. */
export function parseExit(value: unknown): number {
  const { StatusCode: code } = (value ?? {}) as { readonly StatusCode?: unknown };
  return typeof code === "number" ? code : 1;
}
