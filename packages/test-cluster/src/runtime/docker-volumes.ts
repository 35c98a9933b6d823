/** Volumes of pods as volumes of the engine, filled through a container that never runs. */
import { quietly, type Engine } from "./docker-engine.ts";
import type { SandboxSpec, VolumeContent } from "./runtime.ts";
import { tar, type TarEntry } from "./tar.ts";

export function volumeName(
  { name }: Engine,
  content: VolumeContent,
  of: { readonly uid: string; readonly volume: string },
): string {
  if (content.kind === "claim") return `${name}-claim-${content.claim}`;
  return `${name}-${of.uid.slice(0, 13)}-${of.volume}`;
}

export async function fillVolumes(held: Engine, spec: SandboxSpec): Promise<void> {
  if (spec.volumes.size === 0) return;
  const named = [...spec.volumes].map(([volume, content]) => ({
    volume,
    content,
    name: volumeName(held, content, { uid: spec.pod.uid, volume }),
  }));
  for (const { name } of named) await held.engine.createVolume({ Name: name, Labels: held.labels });
  const image = await anyImage(held, spec);
  // Without an image nothing will run either: the containers say so.
  if (image === undefined) return;
  const container = await held.engine.createContainer({
    Image: image,
    Entrypoint: ["none"],
    Labels: { ...held.labels },
    HostConfig: {
      Mounts: named.map(({ name, volume }) => ({
        Type: "volume",
        Source: name,
        Target: `/af-volumes/${volume}`,
        VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: "local", Options: {} } },
      })),
    },
  });
  try {
    const entries = named.flatMap(({ volume, content }) => entriesOf(volume, content, spec.fsGroup));
    await container.putArchive(tar(entries), { path: "/af-volumes" });
  } finally {
    await quietly(container.remove({ force: true }));
  }
}

async function anyImage(held: Engine, spec: SandboxSpec): Promise<string | undefined> {
  for (const image of spec.images) {
    try {
      await held.engine.getImage(image).inspect();
      return image;
    } catch {
      // The next one, then.
    }
  }
  return undefined;
}

function entriesOf(volume: string, content: VolumeContent, fsGroup: number | undefined): TarEntry[] {
  const group = fsGroup ?? 0;
  const writable = fsGroup === undefined ? 0o777 : 0o2777;
  const top = { path: volume, mode: content.kind === "files" ? 0o755 : writable, group };
  if (content.kind !== "files") return [top];
  const folders = new Set(content.files.flatMap(({ path }) => foldersOf(path)));
  return [
    top,
    ...[...folders].sort().map((path) => ({ path: `${volume}/${path}`, mode: 0o755, group })),
    ...content.files.map(({ path, mode, data }) => ({
      path: `${volume}/${path}`,
      mode: fsGroup === undefined ? mode : mode | 0o040,
      group,
      data,
    })),
  ];
}

function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
