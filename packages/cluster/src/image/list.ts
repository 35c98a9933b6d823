/** The images of ours on an engine, and who uses them. */
import { type Engine, statusOf } from "../docker/engine/index.ts";
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
  const times = await creationTimes(engine, images);
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
      createdAt: times.get(image.Id) ?? secondOf(image),
      bytes: image.Size,
      aboveBaseBytes: base === undefined ? null : image.Size - base,
      usedBy: usedBy.toSorted(),
    }));
  });
  return views.toSorted(
    (a, b) => b.createdAt.localeCompare(a.createdAt) || a.reference.localeCompare(b.reference),
  );
}

type Listed = { readonly Id: string; readonly Created: number };

/** The engine lists whole seconds: images of one second are asked for their own, finer time. */
async function creationTimes(engine: Engine, images: readonly Listed[]): Promise<Map<string, string>> {
  const perSecond = Map.groupBy(images, ({ Created }) => Created);
  const tied = [...perSecond.values()].filter((alike) => alike.length > 1).flat();
  const times = await Promise.all(
    tied.map(async ({ Id }) => {
      try {
        const found = await engine.ask(`looking at ${Id}`, (docker) => docker.getImage(Id).inspect());
        return [[Id, new Date(found.Created).toISOString()] as const];
      } catch (error) {
        // It went meanwhile.
        if (statusOf(error) === 404) return [];
        throw error;
      }
    }),
  );
  return new Map(times.flat());
}

function secondOf({ Created }: Listed): string {
  return new Date(Created * 1_000).toISOString();
}

function kindOf(text: string | undefined): ImageKind {
  return text === "control-plane" || text === "worker" || text === "steps" ? text : "project";
}
