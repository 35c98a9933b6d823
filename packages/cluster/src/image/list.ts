/** The images of ours on an engine, and who uses them. */
import type { Engine } from "../docker/engine/index.ts";
import { type ImageKind, imageLabels } from "./plan.ts";

export interface ImageView {
  /** `agentflow/triage:0f3a…`; its id where it has lost its name. */
  readonly reference: string;
  readonly id: string;
  readonly kind: ImageKind;
  /** Of images of one project. */
  readonly project: string | null;
  readonly version: string;
  readonly createdAt: string;
  readonly bytes: number;
  /** Null when the base image is gone. */
  readonly aboveBaseBytes: number | null;
  /** Names of the containers that are made of it, running or not. */
  readonly usedBy: readonly string[];
}

/** Newest first. */
export async function listImages(engine: Engine): Promise<ImageView[]> {
  const filters = { label: [imageLabels.kind] };
  const [images, all, containers] = await Promise.all([
    engine.ask("listing images", (docker) => docker.listImages({ filters })),
    engine.ask("listing images", (docker) => docker.listImages()),
    engine.ask("listing containers", (docker) => docker.listContainers({ all: true })),
  ]);
  const sizes = new Map(all.map(({ Id, Size }) => [Id, Size]));
  const views = images.flatMap((image): ImageView[] => {
    const labels = image.Labels ?? {};
    const base = sizes.get(labels[imageLabels.baseId] ?? "");
    const usedBy = containers
      .filter(({ ImageID }) => ImageID === image.Id)
      .map(({ Names, Id }) => (Names[0] ?? Id).replace(/^\//, ""));
    const references = (image.RepoTags ?? []).filter((tag) => tag !== "<none>:<none>");
    return (references.length === 0 ? [image.Id] : references).map((reference) => ({
      reference,
      id: image.Id,
      kind: kindOf(labels[imageLabels.kind]),
      project: labels[imageLabels.project] ?? null,
      version: labels[imageLabels.version] ?? "",
      createdAt: new Date(image.Created * 1_000).toISOString(),
      bytes: image.Size,
      aboveBaseBytes: base === undefined ? null : image.Size - base,
      usedBy: usedBy.toSorted(),
    }));
  });
  return views.toSorted(
    (a, b) => b.createdAt.localeCompare(a.createdAt) || a.reference.localeCompare(b.reference),
  );
}

function kindOf(text: string | undefined): ImageKind {
  return text === "control-plane" || text === "worker" || text === "steps" ? text : "project";
}
