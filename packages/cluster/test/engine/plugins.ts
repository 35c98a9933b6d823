/** buildx and docker-compose as plugins of a Docker client whose configuration is the tests' own. */
import { rmSync } from "node:fs";
import { access, mkdir, mkdtemp, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverCache, unpackNewest } from "@agentflow/bus/servers";

const below = join("usr", "libexec", "docker", "cli-plugins");

/**
 * The path of a fresh folder for DOCKER_CONFIG with these plugins, gone with this process. They are unpacked
 * into the user's cache, never installed; the client that loads them is the `docker` of the PATH.
 */
export async function clientFolder(
  plugins: readonly ("docker-buildx" | "docker-compose")[],
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "agentflow-docker-config-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "cli-plugins"));
  for (const plugin of plugins) {
    const unpacked = join(serverCache(), plugin);
    const program = join(unpacked, below, plugin);
    if (!(await isThere(program))) await unpackNewest(plugin, unpacked);
    await symlink(program, join(folder, "cli-plugins", plugin));
  }
  return folder;
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
