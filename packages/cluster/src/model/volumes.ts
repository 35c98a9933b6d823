/** Which volumes an installation has, and which one a copy of a part mounts. */
import type { Installation, Mount, Volume } from "./installation.ts";

export interface OneVolume {
  /** Within the installation: `nats-1`, `keys-worker`. */
  readonly name: string;
  readonly holds: Volume["holds"];
  /** Whether it is one copy's own, not shared by all. */
  readonly each: boolean;
}

/** Data that belongs together with that of the part's other copies, as that of NATS servers does. */
export function isCopyOfData({ holds, each }: OneVolume): boolean {
  return holds === "data" && each;
}

/** Name within the installation of what a copy mounts. */
export function mountedVolume(
  { volumes }: Pick<Installation, "volumes">,
  mount: Mount,
  copy: number,
): string {
  const each = volumes.find(({ name }) => name === mount.volume)?.each === true;
  return each ? `${mount.volume}-${mount.copy ?? copy}` : mount.volume;
}

/** Every one that some copy mounts, in the order of the model. */
export function allVolumes(installation: Pick<Installation, "parts" | "volumes">): readonly OneVolume[] {
  const used = new Set(
    installation.parts.flatMap(({ mounts, replicas }) =>
      mounts.flatMap((mount) =>
        Array.from({ length: replicas }, (_, n) => mountedVolume(installation, mount, n + 1)),
      ),
    ),
  );
  return installation.volumes.flatMap(({ name, each, holds }): OneVolume[] => {
    if (!each) return used.has(name) ? [{ name, holds, each }] : [];
    const copies = [...used].filter(
      (one) => one.startsWith(`${name}-`) && /^\d+$/.test(one.slice(name.length + 1)),
    );
    return copies.map((one) => ({ name: one, holds, each }));
  });
}
