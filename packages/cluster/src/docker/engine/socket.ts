import type { EngineAddress } from "./address.ts";

/**
 * Path by which a container on the engine reaches the engine itself. That of a socket here is one there too,
 * but where containers run in a machine of their own, which has it at the usual place.
 */
export function engineSocket({ host }: Pick<EngineAddress, "host">, platform: string): string {
  const isHere = host.startsWith("unix://") && platform === "linux";
  return isHere ? host.slice("unix://".length) : "/var/run/docker.sock";
}
