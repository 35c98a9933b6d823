/** Images with nothing in them, of which all is known: as `docker save` writes them. */
import { createHash } from "node:crypto";
import { text } from "node:stream/consumers";
import type Docker from "dockerode";
import { pack } from "tar-stream";

export interface BareImage {
  readonly reference: string;
  readonly created: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly architecture?: string;
}

export async function loadBareImages(docker: Docker, images: readonly BareImage[]): Promise<void> {
  const archive = pack();
  const layer = Buffer.alloc(1024);
  archive.entry({ name: "layer.tar" }, layer);
  const diff = `sha256:${createHash("sha256").update(layer).digest("hex")}`;
  const manifest = images.map(({ reference, created, labels, architecture = "amd64" }, place) => {
    const config = {
      architecture,
      os: "linux",
      created,
      config: { Labels: labels },
      rootfs: { type: "layers", diff_ids: [diff] },
      history: [{ created, created_by: "a test" }],
    };
    archive.entry({ name: `${place}.json` }, JSON.stringify(config));
    return { Config: `${place}.json`, RepoTags: [reference], Layers: ["layer.tar"] };
  });
  archive.entry({ name: "manifest.json" }, JSON.stringify(manifest));
  archive.finalize();
  const loading = await docker.loadImage(archive);
  const said = await text(loading);
  if (said.includes('"error"')) throw new Error(said);
}
