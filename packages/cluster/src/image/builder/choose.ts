/**
 * Which builder: the one that was named, else buildx where it works, else the one within the engine. Podman
 * builds itself: for it buildx would first pull a builder of Docker's.
 */
import { AgentFlowError } from "@agentflow/protocol";
import type { Engine } from "../../docker/engine/index.ts";
import { surroundings } from "../surroundings.ts";
import type { Builder, BuilderName } from "./builder.ts";
import { findBuildx } from "./buildx.ts";
import { classicBuilder } from "./classic.ts";

interface Choice {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly named: BuilderName | undefined;
}

export async function chooseBuilder(engine: Engine, { environment, home, named }: Choice): Promise<Builder> {
  const build = surroundings(environment, home);
  const wanted = named ?? nameOf(environment["AF_BUILDER"]);
  if (wanted === "classic" || (wanted === undefined && engine.kind === "podman"))
    return classicBuilder(engine, build);
  const buildx = await findBuildx(engine.address, environment);
  if (typeof buildx !== "string") return buildx(build);
  if (wanted === undefined) return classicBuilder(engine, build);
  throw new AgentFlowError("unavailable", `the builder buildx cannot be had: ${buildx}`, {
    reason: "no_buildx",
    suggestions: [
      "install the plugin docker-buildx",
      "leave out --builder and AF_BUILDER: af takes what there is",
    ],
  });
}

function nameOf(text: string | undefined): BuilderName | undefined {
  if (text === undefined || text === "") return undefined;
  if (text === "buildx" || text === "classic") return text;
  throw new AgentFlowError(
    "invalid_input",
    `AF_BUILDER is ${JSON.stringify(text)}: it may be buildx or classic`,
    {
      reason: "no_such_builder",
    },
  );
}
