/** How a container is started: its program, its environment, who runs it and what it sees. */
import type { Launch } from "../runtime/runtime.ts";
import { quantity } from "../world/quantity.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { PodContext } from "./container-context.ts";
import { ConfigError, environmentOf, expand } from "./environment.ts";

/** Throws a ConfigError where it cannot be made. */
export function launchOf(context: PodContext, record: ContainerRecord): Launch {
  const pod = context.pod();
  const { container } = record;
  const own = { ...pod.spec.securityContext, ...container.securityContext };
  const environment = environmentOf(context.world, pod, container, context.environment);
  const user = own.runAsUser;
  const imageUser = (record.image?.user ?? "").split(":")[0] ?? "";
  if (own.runAsNonRoot === true) refuseRoot(context, record, { user, imageUser });
  const expanded = (words: readonly string[] | undefined) => words?.map((word) => expand(word, environment));
  const memory = container.resources?.limits?.["memory"];
  const cores = container.resources?.limits?.["cpu"];
  return {
    container: container.name,
    image: container.image,
    command: expanded(container.command),
    args: expanded(container.args),
    workingDir: container.workingDir,
    environment,
    mounts: (container.volumeMounts ?? []).map((mount) => ({
      volume: mount.name,
      path: mount.mountPath,
      subPath: mount.subPath,
      readOnly: mount.readOnly === true,
    })),
    user,
    group: own.runAsGroup,
    readOnlyRoot: own.readOnlyRootFilesystem === true,
    dropAll: own.capabilities?.drop?.includes("ALL") === true,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    memoryBytes: memory === undefined ? undefined : quantity(memory),
    cores: cores === undefined ? undefined : quantity(cores),
  };
}

function refuseRoot(
  context: PodContext,
  record: ContainerRecord,
  { user, imageUser }: { readonly user: number | undefined; readonly imageUser: string },
): void {
  const { name, namespace = "", uid } = context.pod().metadata;
  const where = `(pod: "${name}_${namespace}(${uid})", container: ${record.container.name})`;
  if (user === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${where}`);
  if (user !== undefined) return;
  if (imageUser === "" || imageUser === "0" || imageUser === "root") {
    throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`);
  }
  if (!/^\d+$/.test(imageUser)) {
    const what = `container has runAsNonRoot and image has non-numeric user (${imageUser})`;
    throw new ConfigError(`${what}, cannot verify user is non-root ${where}`);
  }
}
