/** The image of a development worker: our worker image with the project's dependencies, without its code. */
import type { ImagesTarget } from "@agentflow/protocol";
import { buildImages } from "../../image/build.ts";
import type { Progress } from "../../image/images.ts";
import type { Engine } from "../engine/index.ts";

export interface DevImageOptions {
  readonly engine: Engine;
  readonly projectDir: string;
  readonly project: string;
  readonly images?: ImagesTarget;
  /** Release of `af`. */
  readonly version: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly progress: Progress;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}

/** Its reference; built when the dependencies, or this release, are not those of one that is there. */
export async function devImage(options: DevImageOptions): Promise<string> {
  const { projectDir, ...rest } = options;
  const { images } = await buildImages({ ...rest, folder: projectDir, only: "dev worker" });
  return images.worker;
}
