/** Whether what our images are built on is there, or can be had; and one to try containers with. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Engine } from "../engine/open.ts";
import { bad, type EngineCheck, good } from "./check.ts";
import type { ExaminedTarget } from "./target.ts";

export interface Base {
  /** One with Node in it. Absent: there is none. */
  readonly image?: string;
  readonly checks: readonly EngineCheck[];
}

/** Podman puts the registry before each name. */
const holdsNode =
  /^(?:docker\.io\/(?:library\/)?|localhost\/)?(?:agentflow\/worker|agentflow\/control-plane|node):/;

/** Nothing is pulled: the engine asks the registry whether it would get it. */
export async function baseChecks(engine: Engine, { settings }: ExaminedTarget): Promise<Base> {
  const { base, nats: natsImage } = settings.images;
  const ownNats = settings.nats.url === undefined ? [natsImage] : [];
  const tags = await tagsOf(engine);
  const checks = await Promise.all([base, ...ownNats].map((image) => imageCheck(engine, image, tags)));
  const image = (await isThere(engine, base)) ? base : tags.find((tag) => holdsNode.test(tag));
  return { checks, ...(image === undefined ? {} : { image }) };
}

async function tagsOf(engine: Engine): Promise<string[]> {
  const images = await engine.ask("listing images", (docker) => docker.listImages());
  return images.flatMap(({ RepoTags: tags }) => tags ?? []).sort();
}

async function imageCheck(engine: Engine, image: string, tags: readonly string[]): Promise<EngineCheck> {
  if (tags.includes(image) || (await isThere(engine, image))) return good("image", `${image} is there`);
  try {
    await engine.ask(`asking the registry for ${image}`, (docker) => {
      return docker.getImage(image).distribution();
    });
    return good("image", `${image} is not there yet; the registry has it, af up pulls it`);
  } catch (error) {
    const { message } = AgentFlowError.from(error, "asking the registry");
    const fix = `docker pull ${image}; or another one: images of the target in agentflow.yaml, AF_BASE_IMAGE`;
    return bad("image", `${image} is not there and cannot be had: ${message}`, fix);
  }
}

/** Also by digest, or by a name without a tag. */
async function isThere(engine: Engine, image: string): Promise<boolean> {
  try {
    await engine.ask(`looking for ${image}`, (docker) => docker.getImage(image).inspect());
    return true;
  } catch {
    return false;
  }
}
