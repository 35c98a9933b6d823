/** What there is to build, and under which tags: equal content, equal tag; what is there is not built. */
import { createHash } from "node:crypto";
import { type ContextFile, hashOf } from "./context.ts";
import { type Recipe, recipe } from "./recipes.ts";

/** Labels by which images of ours are found again. */
export const imageLabels = {
  /** `control-plane`, `worker`, `steps` or `project`. */
  kind: "dev.agentflow.image",
  project: "dev.agentflow.project",
  version: "dev.agentflow.version",
  /** What it is built on: the base image by name and by id. */
  base: "dev.agentflow.base",
  baseId: "dev.agentflow.base-id",
} as const;

export type ImageKind = "control-plane" | "worker" | "steps" | "project";

export interface PlannedImage {
  readonly kind: ImageKind;
  readonly reference: string;
  readonly files: readonly ContextFile[];
  /** Path of the Dockerfile among them. */
  readonly dockerfile: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether the user wrote the Dockerfile. */
  readonly users: boolean;
}

export interface Base {
  readonly reference: string;
  readonly id: string;
}

const hashLetters = 12;

/** Control plane, and the worker image upon it: all of their layers but the last are the same. */
export function planOurs(
  installed: readonly ContextFile[],
  base: Base,
  version: string,
): readonly [controlPlane: PlannedImage, worker: PlannedImage] {
  const tools = [...beside, controlPlaneRecipe].map(textAt);
  const files = [...installed, ...tools];
  const own = recipe("worker.Dockerfile").split(/^# What workers have of their own.*\n/m)[1] ?? "";
  const upon = `ARG CONTROL_PLANE\nFROM \${CONTROL_PLANE}\n${own}`;
  const reference = (kind: ImageKind, content: string): string =>
    `agentflow/${kind}:${version}-${hashLettersOf([content, base.id])}`;
  const content = hashOf(files);
  const controlPlane: PlannedImage = {
    kind: "control-plane",
    reference: reference("control-plane", content),
    files,
    dockerfile: `deploy/docker/${controlPlaneRecipe}`,
    args: { BASE_IMAGE: base.reference },
    labels: labelsOf("control-plane", base, version),
    users: false,
  };
  const worker: PlannedImage = {
    kind: "worker",
    reference: reference("worker", `${content}${upon}`),
    files: [{ path: "worker.Dockerfile", from: { text: upon } }],
    dockerfile: "worker.Dockerfile",
    args: { CONTROL_PLANE: controlPlane.reference },
    labels: labelsOf("worker", base, version),
    users: false,
  };
  return [controlPlane, worker];
}

const controlPlaneRecipe: Recipe = "control-plane.Dockerfile";
const beside: readonly Recipe[] = ["assemble.js", "folders.js", "health.js", "install.js", "npm.js"];

function textAt(name: Recipe): ContextFile {
  return { path: `deploy/docker/${name}`, from: { text: recipe(name) } };
}

export interface ProjectPlan {
  readonly project: string;
  readonly version: string;
  readonly base: Base;
  /** Reference of the worker image, whose tag says what is in it. */
  readonly worker: string;
  readonly code: readonly ContextFile[];
  readonly dependencies: readonly ContextFile[];
  /** The user's own steps above the worker image: text of Dockerfile.agentflow. */
  readonly steps?: string;
}

/** The file in which a project says what its workers need besides its code. */
export const stepsFile = "Dockerfile.agentflow";

/** The user's steps where there are some, then the project's image above them. */
export function planProject(plan: ProjectPlan): PlannedImage[] {
  const { project, version, base, worker, code, dependencies, steps } = plan;
  const labels = (kind: ImageKind): Record<string, string> => ({
    ...labelsOf(kind, base, version),
    [imageLabels.project]: project,
  });
  const own = steps === undefined ? [] : [stepsImage({ ...plan, steps }, labels("steps"))];
  const above = own[0]?.reference ?? worker;
  const dockerfile: Recipe = "project.Dockerfile";
  const files = [...dependencies, ...code, { path: dockerfile, from: { text: recipe(dockerfile) } }];
  const tag = hashLettersOf([hashOf(files), above]);
  return [
    ...own,
    {
      kind: "project",
      reference: `agentflow/${project}:${tag}`,
      files,
      dockerfile,
      args: { WORKER_IMAGE: above },
      labels: labels("project"),
      users: false,
    },
  ];
}

function stepsImage(
  plan: ProjectPlan & { readonly steps: string },
  labels: Record<string, string>,
): PlannedImage {
  const { project, worker, steps, code } = plan;
  // Steps that take no files are the same after any change of code.
  const takesFiles = /^\s*(COPY|ADD)\b(?!.*--from=)/im.test(steps) || /--mount=type=bind/.test(steps);
  const taken = takesFiles ? code.map((file) => ({ ...file, path: file.path.replace(/^code\//, "") })) : [];
  const files = [...taken, { path: stepsFile, from: { text: steps } }];
  return {
    kind: "steps",
    reference: `agentflow/${project}-steps:${hashLettersOf([hashOf(files), worker])}`,
    files,
    dockerfile: stepsFile,
    args: { WORKER_IMAGE: worker },
    labels,
    users: true,
  };
}

function labelsOf(kind: ImageKind, base: Base, version: string): Record<string, string> {
  return {
    [imageLabels.kind]: kind,
    [imageLabels.version]: version,
    [imageLabels.base]: base.reference,
    [imageLabels.baseId]: base.id,
  };
}

function hashLettersOf(parts: readonly string[]): string {
  return createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, hashLetters);
}
