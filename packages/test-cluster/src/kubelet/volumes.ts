/** The volumes of a pod as content, before a runtime makes them real. */
import { textAt } from "../json.ts";
import type { VolumeContent, VolumeFile } from "../runtime/runtime.ts";
import type { KeyPath, Pod, Projection, Volume } from "../world/parse-kinds.ts";
import { get, type World } from "../world/world.ts";
import { ConfigError, fieldOf, type ValuesRef, valuesOf } from "./environment.ts";

/** Makes a token of a service account. */
export type Tokens = (asked: {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pod: string;
  readonly audience: string | undefined;
}) => string;

/** Throws a ConfigError, with the volume's name in it, where one cannot be made. */
export function volumesOf(world: World, pod: Pod, tokens: Tokens): Map<string, VolumeContent> {
  const made = new Map<string, VolumeContent>();
  for (const volume of pod.spec.volumes ?? []) {
    try {
      made.set(volume.name, contentOf(world, pod, volume, tokens));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new ConfigError(`MountVolume.SetUp failed for volume "${volume.name}" : ${error.message}`);
    }
  }
  return made;
}

function contentOf(world: World, pod: Pod, volume: Volume, tokens: Tokens): VolumeContent {
  const { configMap, secret, projected, downwardAPI, persistentVolumeClaim, hostPath } = volume;
  if (configMap !== undefined) {
    const { name, items, optional, defaultMode } = configMap;
    return files(named(world, pod, { kind: "configmap", name, optional, items }), defaultMode);
  }
  if (secret !== undefined) {
    const { secretName: name, items, optional, defaultMode } = secret;
    return files(named(world, pod, { kind: "secret", name, optional, items }), defaultMode);
  }
  if (projected !== undefined) {
    const all = (projected.sources ?? []).flatMap((source) => project(world, pod, source, tokens));
    return files(all, projected.defaultMode);
  }
  if (downwardAPI !== undefined) return files(downward(pod, downwardAPI.items), downwardAPI.defaultMode);
  if (persistentVolumeClaim !== undefined) return claimed(world, pod, persistentVolumeClaim.claimName);
  if (hostPath !== undefined) return folderOf(hostPath.path);
  return { kind: "empty" };
}

interface Part {
  readonly path: string;
  readonly data: Buffer;
  readonly mode?: number | undefined;
}

function files(parts: readonly Part[], defaultMode = 0o644): VolumeContent {
  const all: VolumeFile[] = parts.map(({ path, data, mode }) => ({ path, data, mode: mode ?? defaultMode }));
  return { kind: "files", files: all };
}

function named(
  world: World,
  pod: Pod,
  ref: ValuesRef & { readonly items?: readonly KeyPath[] | undefined },
): Part[] {
  const values = valuesOf(world, pod, ref);
  if (ref.items === undefined) return Object.entries(values).map(([path, data]) => ({ path, data }));
  return ref.items.flatMap(({ key, path, mode }) => {
    const data = values[key];
    if (data !== undefined) return [{ path, data, mode }];
    if (ref.optional === true) return [];
    throw new ConfigError(
      `references non-existent ${ref.kind === "secret" ? "secret" : "config"} key: ${key}`,
    );
  });
}

function project(world: World, pod: Pod, source: Projection, tokens: Tokens): Part[] {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap !== undefined) return named(world, pod, { kind: "configmap", ...configMap });
  if (secret !== undefined) return named(world, pod, { kind: "secret", ...secret });
  if (downwardAPI !== undefined) return downward(pod, downwardAPI.items);
  if (serviceAccountToken === undefined) return [];
  const { namespace = "", name } = pod.metadata;
  const serviceAccount = pod.spec.serviceAccountName ?? "default";
  const { audience, path } = serviceAccountToken;
  const token = tokens({ namespace, serviceAccount, pod: name, audience });
  return [
    { path, data: Buffer.from(token), mode: pod.spec.securityContext?.fsGroup === undefined ? 0o644 : 0o640 },
  ];
}

function downward(
  pod: Pod,
  items: readonly { readonly path: string; readonly fieldRef?: { readonly fieldPath: string } }[],
): Part[] {
  return items.map(({ path, fieldRef }) => ({
    path,
    data: Buffer.from(fieldOf(pod, fieldRef?.fieldPath ?? "")),
  }));
}

function claimed(world: World, pod: Pod, name: string): VolumeContent {
  const { namespace = "" } = pod.metadata;
  const claim = get(world.store, "persistentvolumeclaims", { namespace, name });
  if (claim?.status?.phase !== "Bound") throw new ConfigError(`persistentvolumeclaim "${name}" is not bound`);
  const volume = world.store.get({
    resource: "persistentvolumes",
    namespace: "",
    name: claim.spec.volumeName ?? "",
  });
  const path =
    volume && (textAt(volume, "spec", "local", "path") ?? textAt(volume, "spec", "hostPath", "path"));
  return path === undefined ? { kind: "claim", claim: claim.metadata.uid } : folderOf(path);
}

/** A folder of the node: one volume for each path, which outlives the pods that have it. */
function folderOf(path: string): VolumeContent {
  return { kind: "claim", claim: `folder${path.replaceAll(/[^A-Za-z0-9]+/g, "-")}` };
}
