/**
 * Writes into volumes through a container that is made for it and never runs, so that it works on engines on
 * other machines too.
 */
import type Docker from "dockerode";
import type { Engine } from "./engine/open.ts";
import type { Objects, WantedVolume } from "./objects.ts";
import { labels } from "../model/names.ts";
import { hardening } from "../model/hardening.ts";
import { type TarEntry, packTar, readTar } from "./tar.ts";

/** The part's name of carriers; one that is left behind by an interruption is an orphan to the next `up`. */
export const carrierPart = "carrier";

export interface Filling {
  readonly desired: Objects;
  readonly volumes: readonly WantedVolume[];
  /** Any image that the engine has. */
  readonly image: string;
  /** Values by name, for the volume that holds secrets. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly nowMs: number;
}

/** Gives each volume its owner and its content. What else lies in it stays. */
export async function fillVolumes(engine: Engine, filling: Filling): Promise<void> {
  if (filling.volumes.length === 0) return;
  const folders = packTar(filling.volumes.map((volume) => folderOf(volume, filling)));
  await withCarrier(engine, filling, async (carrier) => {
    // Docker gives a mounted folder its owner from above alone, Podman fills it from within alone.
    await carrier.putArchive(folders, { path: "/" });
    for (const volume of filling.volumes) {
      const files = filesOf(volume, filling);
      if (files.length > 0) await carrier.putArchive(packTar(files), { path: placeOf(volume) });
    }
  });
}

type Carrying = Pick<Filling, "desired" | "volumes" | "image">;

/** Text files in a volume that no container need have. */
export async function readVolume(
  engine: Engine,
  volume: WantedVolume,
  of: Pick<Filling, "desired" | "image">,
): Promise<ReadonlyMap<string, string>> {
  return withCarrier(engine, { ...of, volumes: [volume] }, async ({ id }) => {
    return (await readFolder(engine, id, placeOf(volume))) ?? new Map<string, string>();
  });
}

async function withCarrier<T>(
  engine: Engine,
  { desired: { project, target }, volumes, image }: Carrying,
  work: (carrier: Docker.Container) => Promise<T>,
): Promise<T> {
  return engine.ask("filling volumes", async (docker) => {
    const carrier = await docker.createContainer({
      Image: image,
      // It never runs; but an image without a command of its own would be refused.
      Cmd: ["true"],
      Labels: { [labels.project]: project, [labels.target]: target, [labels.part]: carrierPart },
      NetworkDisabled: true,
      HostConfig: {
        Mounts: volumes.map((volume) => ({
          Type: "volume" as const,
          Source: volume.name,
          Target: placeOf(volume),
          VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: "", Options: {} } },
        })),
      },
    });
    try {
      return await work(carrier);
    } finally {
      await carrier.remove({ force: true });
    }
  });
}

function placeOf({ name }: WantedVolume): string {
  return `/v/${name}`;
}

function folderOf({ name, holds }: WantedVolume, { nowMs }: Filling): TarEntry {
  // Keys and secrets are for the user of the containers alone.
  const closed = holds === "keys" || holds === "secrets";
  return { path: `v/${name}`, mode: closed ? 0o700 : 0o755, ...owned(nowMs) };
}

function filesOf({ holds, files }: WantedVolume, { secrets, nowMs }: Filling): TarEntry[] {
  const own = owned(nowMs);
  const values = holds === "secrets" ? [...secrets] : [];
  return [
    ...files.map(({ path, content }) => ({ path, content, mode: 0o644, ...own })),
    ...values.map(([path, content]) => ({ path, content, mode: 0o400, ...own })),
  ];
}

function owned(modifiedMs: number): Pick<TarEntry, "uid" | "modifiedMs"> {
  return { uid: Number(hardening.user.split(":")[0]), modifiedMs };
}

/** Text files below a folder of a container, by their name in it; nothing when there is no such folder. */
export async function readFolder(
  engine: Engine,
  id: string,
  path: string,
): Promise<ReadonlyMap<string, string> | undefined> {
  return engine.ask(`reading ${path}`, async (docker) => {
    try {
      const stream = await docker.getContainer(id).getArchive({ path });
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(Buffer.from(chunk));
      const files = readTar(Buffer.concat(chunks));
      return new Map([...files].map(([name, content]) => [name.replace(/^[^/]*\//, ""), content]));
    } catch (error) {
      if (error instanceof Error && "statusCode" in error && error.statusCode === 404) return undefined;
      throw error;
    }
  });
}
