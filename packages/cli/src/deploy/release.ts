/** The release of a target: its images, secrets and the objects that they make. */
import type { Images } from "@agentflow/cluster";
import type { Access, Release } from "@agentflow/cluster/kubernetes";
import { type ProjectSecrets, projectSecrets } from "../targets/secrets.ts";
import { rendered } from "../targets/up.ts";
import { deployImages, type ImagesWanted } from "./images.ts";

export interface PreparedRelease {
  readonly release: Release;
  readonly secrets: ProjectSecrets;
  readonly images: Images;
  readonly built: readonly string[];
  readonly notes: readonly string[];
}

export async function prepareRelease(wanted: ImagesWanted, access: Access): Promise<PreparedRelease> {
  const { project } = wanted.on;
  const { dir, target } = project;
  const { checkObjects, releaseOf, servesKeda } = await import("@agentflow/cluster/kubernetes");
  const keda = await servesKeda(access);
  const [{ images, built, notes }, secrets] = await Promise.all([
    deployImages(wanted),
    projectSecrets(dir, target),
  ]);
  const { version } = wanted;
  const installation = await rendered(target, { images, version, secrets: secrets.names });
  const release = releaseOf(installation, { target, capabilities: { keda } });
  checkObjects(release.objects);
  return { release, secrets, images, built, notes };
}
