/** Looks at what an installation needs of an engine, before anything is changed. */
import { AgentFlowError } from "@agentflow/protocol";
import { labels } from "../model/names.ts";
import type { Engine } from "./engine/open.ts";
import type { Objects } from "./objects.ts";

/** Id of each wanted image. Refuses when one is not there. */
export async function imageIds(engine: Engine, desired: Objects): Promise<ReadonlyMap<string, string>> {
  const images = [...new Set(desired.containers.map(({ image }) => image))];
  const found = await Promise.all(
    images.map(async (image) => [image, await imageId(engine, image)] as const),
  );
  return new Map(found);
}

/** As `imageIds`, without those that are not there. */
export async function knownImageIds(engine: Engine, desired: Objects): Promise<ReadonlyMap<string, string>> {
  const images = [...new Set(desired.containers.map(({ image }) => image))];
  const found = await Promise.all(
    images.map(async (image) => {
      const id = await imageId(engine, image).catch(() => undefined);
      return id === undefined ? [] : [[image, id] as const];
    }),
  );
  return new Map(found.flat());
}

async function imageId(engine: Engine, image: string): Promise<string> {
  const looking = `looking for image ${image}`;
  return (await engine.ask(looking, async (docker) => docker.getImage(image).inspect())).Id;
}

/** Refuses when something that is not ours has a name that we need: it is never touched. */
export async function checkNames(engine: Engine, desired: Objects): Promise<void> {
  const { network, volumes, containers } = desired;
  const isOurs = (own: Readonly<Record<string, string>> | null | undefined): boolean =>
    own?.[labels.project] === desired.project && own[labels.target] === desired.target;
  const names = new Set(containers.map(({ name }) => name));
  const volumeNames = new Set(volumes.map(({ name }) => name));
  await engine.ask("looking at names that are taken", async (docker) => {
    const [listed, nets, { Volumes: vols }] = await Promise.all([
      docker.listContainers({ all: true, filters: { name: [network.name] } }),
      docker.listNetworks({ filters: { name: [network.name] } }),
      docker.listVolumes({ filters: { name: [network.name] } }),
    ]);
    for (const { Names, Labels } of listed) {
      const taken = Names.map((name) => name.replace(/^\//, "")).find((name) => names.has(name));
      if (taken !== undefined && !isOurs(Labels)) throw nameTaken("container", taken);
    }
    for (const { Name, Labels } of nets) {
      if (Name === network.name && !isOurs(Labels)) throw nameTaken("network", Name);
    }
    for (const { Name, Labels } of vols ?? []) {
      if (volumeNames.has(Name) && !isOurs(Labels)) throw nameTaken("volume", Name);
    }
  });
}

function nameTaken(kind: "container" | "network" | "volume", name: string): AgentFlowError {
  const remove = kind === "container" ? `docker rm ${name}` : `docker ${kind} rm ${name}`;
  return new AgentFlowError("conflict", `there is a ${kind} ${name} that is not this installation's`, {
    reason: "name_taken",
    details: { kind, name },
    suggestions: [
      `look at it: docker ${kind} inspect ${name}`,
      `if nobody needs it: ${remove}`,
      "or give the project another name in agentflow.yaml",
    ],
  });
}

/** The same error, with the container that holds the port when it is one. */
export async function portHolder(engine: Engine, error: AgentFlowError): Promise<AgentFlowError> {
  const { port } = error.details;
  if (typeof port !== "number") return error;
  const listed = await engine
    .ask("looking who holds the port", async (docker) => {
      return docker.listContainers({ filters: { publish: [String(port)], status: ["running"] } });
    })
    .catch(() => []);
  const holder = listed[0]?.Names[0]?.replace(/^\//, "");
  if (holder === undefined) return error;
  return new AgentFlowError("conflict", `${error.message}: container ${holder} has it`, {
    reason: error.reason,
    details: { ...error.details, holder },
    suggestions: [`stop it: docker stop ${holder}`, ...error.suggestions],
    cause: error.cause,
  });
}
