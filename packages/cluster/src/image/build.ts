/** Brings the images of an installation to an engine: looks what is there, builds what is not. */
import { AgentFlowError, type ImagesTarget } from "@agentflow/protocol";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../docker/engine/index.ts";
import { findImage, needImage } from "./base.ts";
import type { ContextFile } from "./context.ts";
import { type Builder, type BuilderName } from "./builder/builder.ts";
import { chooseBuilder } from "./builder/choose.ts";
import { buildFailure } from "./failure.ts";
import { type Images, type Progress, defaultImages } from "./images.ts";
import { cliFolder, installedFiles } from "./installed.ts";
import { type Base, type PlannedImage, planOurs, planProject, stepsFile } from "./plan.ts";
import { mountedCode } from "./mounted-code.ts";
import { projectContext } from "./project-files.ts";

export interface BuildOptions {
  readonly engine: Engine;
  /** Name and folder of the project. */
  readonly project: string;
  readonly folder: string;
  /** What stands in the image in place of the project's agentflow.yaml: with the target's overlay. */
  readonly agentflowYaml?: string;
  /** `images` of the target. */
  readonly images?: ImagesTarget;
  /** Release of `af`. */
  readonly version: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly progress: Progress;
  /** By default AF_BUILDER, else buildx where it works, else the one in the engine. */
  readonly builder?: BuilderName;
  /**
   * `dev worker`: the project's workers alone, without its code: that is mounted. `ours`: NATS is named and
   * not pulled, for it runs elsewhere.
   */
  readonly only?: "dev worker" | "ours";
  /**
   * `always`: also what is there already; `never`: what is not there is refused; `named`: nothing is built,
   * and what is not there is named all the same.
   */
  readonly when?: "needed" | "always" | "never" | "named";
  readonly nowMs: () => number;
  readonly signal?: AbortSignal;
}

export interface Built {
  /** `agentflow/worker` */
  readonly image: string;
  readonly reference: string;
  readonly ms: number;
  /** Above the base image. */
  readonly bytes: number;
  /** It was there already. */
  readonly fromCache: boolean;
}

export interface BuiltImages {
  readonly images: Images;
  readonly built: readonly Built[];
  /** What a person should know, such as a missing lock file. */
  readonly notes: readonly string[];
}

export async function buildImages(options: BuildOptions): Promise<BuiltImages> {
  const { engine, project, folder, version, progress, signal, environment } = options;
  const names = imageNames(options);
  const common = { progress, ...(signal === undefined ? {} : { signal }) };
  const found = await needImage(engine, { reference: names.base, setting: "images.base", ...common });
  const isDev = options.only === "dev worker";
  if (options.only === undefined)
    await needImage(engine, { reference: names.nats, setting: "images.nats", ...common });
  const base: Base = { reference: names.base, id: found.id };
  const ours = planOurs(installedFiles(cliFolder()), base, version);
  const [{ reference: controlPlane }, { reference: worker }] = ours;
  const context = projectContext(folder);
  const steps = readSteps(folder);
  const planned = planProject({
    project,
    version,
    base,
    worker,
    code: isDev
      ? mountedCode(context.dependencies)
      : withFile(context.code, "code/agentflow.yaml", options.agentflowYaml),
    dependencies: context.dependencies,
    ...(steps === undefined ? {} : { steps }),
  });
  const builder = lazily(() =>
    chooseBuilder(engine, { environment, home: options.home, named: options.builder }),
  );
  const built: Built[] = [];
  for (const image of [...ours, ...planned]) {
    built.push(await bring(image, { engine, options, base: found.bytes, builder }));
  }
  const images = { nats: names.nats, controlPlane, worker: planned.at(-1)?.reference ?? worker };
  return { images, built, notes: context.notes };
}

/** With another text in a file that is there. */
function withFile(
  files: readonly ContextFile[],
  path: string,
  text: string | undefined,
): readonly ContextFile[] {
  if (text === undefined) return files;
  return files.map((file) => (file.path === path ? { path, from: { text } } : file));
}

/** The names of what is not ours: of the target, else AF_BASE_IMAGE, else the defaults. */
function imageNames({ images = {}, environment }: BuildOptions): {
  readonly base: string;
  readonly nats: string;
} {
  const said = environment["AF_BASE_IMAGE"];
  return {
    base: images.base ?? (said === undefined || said === "" ? defaultImages.base : said),
    nats: images.nats ?? defaultImages.nats,
  };
}

function readSteps(folder: string): string | undefined {
  const file = join(folder, stepsFile);
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  if (/^FROM\s+\$\{?WORKER_IMAGE\}?/m.test(text) && /^ARG\s+WORKER_IMAGE/m.test(text)) return text;
  throw new AgentFlowError("invalid_project", `${stepsFile} does not begin with the image of the workers`, {
    reason: "steps_without_worker",
    details: { file: stepsFile, line: 1 },
    suggestions: ["begin it with the two lines: ARG WORKER_IMAGE  and  FROM ${WORKER_IMAGE}"],
  });
}

interface Bringing {
  readonly engine: Engine;
  readonly options: BuildOptions;
  /** Size of the base image. */
  readonly base: number;
  readonly builder: () => Promise<Builder>;
}

async function bring(image: PlannedImage, { engine, options, base, builder }: Bringing): Promise<Built> {
  const { progress, signal, nowMs, when = "needed" } = options;
  const startedMs = nowMs();
  const { reference } = image;
  const name = reference.slice(0, reference.lastIndexOf(":"));
  const there = await findImage(engine, reference);
  if (there !== undefined && when !== "always") {
    return { image: name, reference, ms: nowMs() - startedMs, bytes: there.bytes - base, fromCache: true };
  }
  if (when === "named") return { image: name, reference, ms: 0, bytes: 0, fromCache: false };
  if (when === "never") throw notBuilt(reference);
  const chosen = await builder();
  progress.step(`building ${name} (${chosen.name})`);
  try {
    const request = { image: name, ...image, progress };
    await chosen.build(signal === undefined ? request : { ...request, signal });
  } catch (error) {
    const { dockerfile, users, files } = image;
    const from = files.find(({ path }) => path === dockerfile)?.from;
    const text = from !== undefined && "text" in from ? from.text : "";
    const aborted = signal?.aborted === true;
    const failed = { image: name, file: dockerfile, dockerfile: text, users, aborted, builder: chosen.name };
    throw buildFailure(error, { ...failed, address: engine.address });
  }
  const made = await findImage(engine, reference);
  return {
    image: name,
    reference,
    ms: nowMs() - startedMs,
    bytes: (made?.bytes ?? base) - base,
    fromCache: false,
  };
}

function notBuilt(reference: string): AgentFlowError {
  return new AgentFlowError(
    "not_found",
    `the image ${reference} is not on the engine, and none is to be built`,
    {
      reason: "image_missing",
      details: { image: reference },
      suggestions: ["af image build", "leave out --no-build"],
    },
  );
}

/** Asked for at the first build only: where all images are there nobody looks for a builder. */
function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
