/** Brings one image to the nodes, as a target says it. */
import type { Engine } from "@agentflow/cluster/engine";
import { loadImages, pushImages } from "@agentflow/cluster/image";
import { homedir, tmpdir } from "node:os";
import type { Carrier } from "./given.ts";

export interface Carrying {
  readonly carrier: Carrier;
  readonly engine: Engine;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const progress = { step: (): void => undefined, line: (): void => undefined };

/** Answers how pods name it there. */
export async function carry(image: string, { carrier, engine, environment }: Carrying): Promise<string> {
  if ("imageLoad" in carrier) {
    const { imageLoad: command } = carrier;
    await loadImages({ command, images: [image], folder: tmpdir(), environment, progress });
    return image;
  }
  const { images } = await pushImages({
    engine,
    images: { nats: image, controlPlane: image, worker: image },
    registry: carrier.registry,
    environment,
    home: homedir(),
    progress,
    nowMs: () => performance.now(),
  });
  return images.worker;
}
