/** The images that a target is made of: built, or as they are named by what is there. */
import type { OpenedTarget, Progress } from "@agentflow/cluster";
import type { Engine } from "@agentflow/cluster/engine";
import type { BuilderName, BuiltImages } from "@agentflow/cluster/image";
import { homedir } from "node:os";

export interface ImagesWanted {
  readonly dir: string;
  readonly target: OpenedTarget;
  readonly engine: Engine;
  readonly version: string;
  /** `named`: nothing is built, and what is not there is named all the same. */
  readonly build: "when needed" | "always" | "never" | "named";
  readonly builder?: BuilderName | undefined;
  /** NATS runs elsewhere: it is named and not pulled. */
  readonly only?: "ours";
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export async function buildTargetImages(wanted: ImagesWanted): Promise<BuiltImages> {
  const { dir, target, engine, version, build, builder, only, progress, signal } = wanted;
  const [{ buildImages }, { effectiveYaml }] = await Promise.all([
    import("@agentflow/cluster/image"),
    import("@agentflow/cluster"),
  ]);
  return buildImages({
    engine,
    project: target.project.name,
    folder: dir,
    agentflowYaml: effectiveYaml(target),
    images: target.settings.images,
    version,
    environment: process.env,
    home: homedir(),
    progress,
    when: build === "when needed" ? "needed" : build,
    nowMs: () => performance.now(),
    signal,
    ...(builder === undefined ? {} : { builder }),
    ...(only === undefined ? {} : { only }),
  });
}
