/** The images of a deploy: built here and brought to where the nodes find them, or named by flags. */
import type { Images } from "@agentflow/cluster";
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
  const made = await builtImages(wanted);
  return { ...made, images: { ...made.images, ...named } };
}

async function builtImages({
  on,
  version,
  build,
  progress,
  signal,
  check,
}: ImagesWanted): Promise<ImagesOfDeploy> {
  const { dir, target } = on.project;
  const { findEngine, openEngine } = await import("@agentflow/cluster/engine");
  const { loadImages, pushImages, referenceIn } = await import("@agentflow/cluster/image");
  const engine = await openEngine(await findEngine({ environment: process.env, home: homedir() }));
  try {
    const made = await buildTargetImages({ dir, target, engine, version, build, progress, signal });
    const built = made.built.flatMap(({ reference, fromCache }) => (fromCache ? [] : [reference]));
    const { settings } = target;
    if (settings.kind !== "kubernetes") return { ...made, built };
    const notes = [...made.notes, ...((await check?.(engine, made.images.controlPlane)) ?? [])];
    const { registry, imageLoad: command } = settings;
    if (build === "named") return { ...made, images: namedIn(registry, made.images, referenceIn), built };
    const common = { engine, environment: process.env, home: homedir(), progress, signal };
    if (registry !== undefined) {
      const nowMs = (): number => performance.now();
      const { images } = await pushImages({ ...common, images: made.images, registry, nowMs });
      return { images, built, notes };
    }
    if (command !== undefined) {
      const images = [made.images.controlPlane, made.images.worker];
      await loadImages({ ...common, command, images, folder: dir });
    }
    return { images: made.images, built, notes };
  } finally {
    engine.close();
  }
}

/** As a push would name them. That of NATS is not ours. */
function namedIn(
  registry: string | undefined,
  { nats, controlPlane, worker }: Images,
  referenceIn: (registry: string, local: string) => string,
): Images {
  if (registry === undefined) return { nats, controlPlane, worker };
  return { nats, controlPlane: referenceIn(registry, controlPlane), worker: referenceIn(registry, worker) };
}

const partsOfImages: Readonly<Record<string, keyof Images>> = {
  nats: "nats",
  "control-plane": "controlPlane",
  worker: "worker",
};

export function parseNamed(named: readonly string[]): Partial<Images> {
  const entries = named.map((text) => {
    const [part = "", ...rest] = text.split("=");
    const key = partsOfImages[part];
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
