/** The images of a deploy: built here and brought to where the nodes find them, or named by flags. */
import type { Images, OpenedTarget } from "@agentflow/cluster";
import type { Engine } from "@agentflow/cluster/engine";
import { AgentFlowError } from "@agentflow/protocol";
import { homedir } from "node:os";
import { buildTargetImages } from "../targets/images.ts";
import type { Shown } from "../targets/progress.ts";
import type { ClusterTarget } from "./open.ts";

export interface ImagesOfDeploy {
  readonly images: Images;
  readonly built: readonly string[];
  readonly notes: readonly string[];
}

export interface ImagesWanted {
  readonly on: Pick<ClusterTarget, "project">;
  readonly version: string;
  readonly build: "when needed" | "always" | "never" | "named";
  /** `PART=REFERENCE`, as typed. */
  readonly named: readonly string[];
  readonly progress: Shown;
  /** Refuses images that the nodes cannot run or pull; answers with what a person should know. */
  readonly check?: (engine: Engine, image: string) => Promise<readonly string[]>;
  /** Whether the nodes have it, so that it need not be loaded. */
  readonly isThere?: (image: string) => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** With all three named, no engine is needed. */
export async function deployImages(wanted: ImagesWanted): Promise<ImagesOfDeploy> {
  const named = parseNamed(wanted.named);
  const { nats, controlPlane, worker } = named;
  const ours = wanted.on.project.target.settings.images.nats;
  if (controlPlane !== undefined && worker !== undefined) {
    return { images: { nats: nats ?? ours, controlPlane, worker }, built: [], notes: [] };
  }
  const made = await builtImages(wanted, named);
  return { ...made, images: { ...made.images, ...named } };
}

async function builtImages(wanted: ImagesWanted, named: Partial<Images>): Promise<ImagesOfDeploy> {
  const { on, version, build, progress, signal, check } = wanted;
  const { dir, target } = on.project;
  const { findEngine, openEngine } = await import("@agentflow/cluster/engine");
  const { imagesInRegistry, loadImages, pushImages } = await import("@agentflow/cluster/image");
  const engine = await openEngine(await findEngine({ environment: process.env, home: homedir() }));
  try {
    const { settings } = target;
    const common = { engine, progress, signal };
    const made = await buildTargetImages({
      ...common,
      dir,
      target,
      version,
      build,
      ...(loadsNats(target, named) ? {} : { only: "ours" }),
    });
    const built = made.built.flatMap(({ reference, fromCache }) => (fromCache ? [] : [reference]));
    if (settings.kind !== "kubernetes") return { ...made, built };
    const notes = [...made.notes, ...((await check?.(engine, made.images.controlPlane)) ?? [])];
    const { registry, imageLoad: command } = settings;
    const bringing = { ...common, environment: process.env, home: homedir() };
    const nowMs = (): number => performance.now();
    if (build === "named") {
      if (registry === undefined) return { ...made, built };
      const images = await imagesInRegistry({ ...bringing, images: made.images, registry, nowMs });
      return { images, built, notes };
    }
    if (registry !== undefined) {
      const { images } = await pushImages({ ...bringing, images: made.images, registry, nowMs });
      return { images, built, notes };
    }
    if (command !== undefined) {
      const { nats, controlPlane, worker } = made.images;
      const parts = [
        ...(named.controlPlane === undefined ? [controlPlane] : []),
        ...(named.worker === undefined ? [worker] : []),
        ...(loadsNats(target, named) ? [nats] : []),
      ];
      const images = await missingOf(parts, { built, wanted });
      await loadImages({ ...bringing, command, images, folder: dir });
    }
    return { images: made.images, built, notes };
  } finally {
    engine.close();
  }
}

/** Nodes that get their images from here get that of NATS too; others pull it as it is named. */
function loadsNats({ settings }: OpenedTarget, named: Partial<Images>): boolean {
  if (settings.kind !== "kubernetes" || settings.registry !== undefined) return false;
  const isOurs = settings.nats.url === undefined && named.nats === undefined;
  return settings.imageLoad !== undefined && isOurs;
}

/** Names are by content, so what the nodes have is what is meant; but for what was built anew just now. */
async function missingOf(
  images: readonly string[],
  { built, wanted }: { readonly built: readonly string[]; readonly wanted: ImagesWanted },
): Promise<readonly string[]> {
  const each = images.map(async (image) => {
    const isThere = !built.includes(image) && (await wanted.isThere?.(image)) === true;
    return isThere ? [] : [image];
  });
  return (await Promise.all(each)).flat();
}

const partsOfImages: Readonly<Record<string, keyof Images>> = {
  nats: "nats",
  "control-plane": "controlPlane",
  worker: "worker",
};

export function parseNamed(named: readonly string[]): Partial<Images> {
  const entries = named.map((text) => {
    const [part = "", ...rest] = text.split("=");
    const key = Object.hasOwn(partsOfImages, part) ? partsOfImages[part] : undefined;
    const reference = rest.join("=");
    if (key === undefined || reference === "") throw notNamed(text);
    return [key, reference] as const;
  });
  return Object.fromEntries(entries);
}

function notNamed(text: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `--image ${text}: not PART=REFERENCE`, {
    reason: "image_flag",
    suggestions: [
      `parts are: ${Object.keys(partsOfImages).join(", ")}`,
      "--image worker=registry/triage:0f3a",
    ],
  });
}
