/** The ledger that tools tell of what they do: a container of the bench's own that no fault strikes. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Engine } from "./engine.ts";

const script = fileURLToPath(new URL("../peers/outside.mjs", import.meta.url));
/** Its name within the installation's network, and the address that tools know. */
export const outside = { host: "outside", url: "http://outside:8080/" } as const;

export interface Outside {
  end(): Promise<void>;
}

/** Its lines come into `ledger` as they are told. */
export async function startOutside(
  engine: Engine,
  of: { readonly image: string; readonly network: string; readonly name: string; readonly ledger: string },
): Promise<Outside> {
  const { docker } = engine;
  await docker
    .getContainer(of.name)
    .remove({ force: true })
    .catch(() => undefined);
  const container = await docker.createContainer({
    name: of.name,
    Image: of.image,
    Entrypoint: ["node"],
    Cmd: ["--input-type=module", "-e", readFileSync(script, "utf8")],
    NetworkingConfig: { EndpointsConfig: { [of.network]: { Aliases: [outside.host] } } },
    HostConfig: { NetworkMode: of.network, Init: true },
    AttachStdout: true,
  });
  const line = await container.attach({ stream: true, stdout: true });
  writeFileSync(of.ledger, "");
  const told = new PassThrough();
  docker.modem.demuxStream(line, told, told);
  told.on("data", (chunk: Buffer) => appendFileSync(of.ledger, chunk));
  await container.start();
  return {
    async end() {
      await container.remove({ force: true }).catch(() => undefined);
    },
  };
}
