/** Old images of ours go; what is used, and the newest of each name, stays. */
import { type Engine, statusOf } from "../docker/engine/index.ts";
import type { ImageView } from "./list.ts";

interface Pruning {
  /** Only images of this project; all of ours when left out. */
  readonly project?: string;
  /** How many of each name stay, the newest first. */
  readonly keep: number;
}

/** Which of them may go, of images listed newest first. */
export function prunable(images: readonly ImageView[], { project, keep }: Pruning): ImageView[] {
  const kept = new Map<string, number>();
  return images.filter((image) => {
    if (project !== undefined && image.project !== project) return false;
    const name = nameOf(image);
    const before = kept.get(name) ?? 0;
    const stays = image.usedBy.length > 0 || (name !== "" && before < keep);
    if (stays) kept.set(name, before + 1);
    return !stays;
  });
}

/** Removes them; answers with those that are gone. One that came into use meanwhile stays. */
export async function pruneImages(engine: Engine, images: readonly ImageView[]): Promise<ImageView[]> {
  const gone: ImageView[] = [];
  for (const image of images) {
    try {
      await engine.ask(`removing ${image.reference}`, (docker) => docker.getImage(image.reference).remove());
      gone.push(image);
    } catch (error) {
      const status = statusOf(error);
      if (status === 404) gone.push(image);
      else if (status !== 409) throw error;
    }
  }
  return gone;
}

/** Empty where it has lost its name to a newer one. */
function nameOf({ reference, id }: ImageView): string {
  return reference === id ? "" : reference.slice(0, reference.lastIndexOf(":"));
}
