/** What a build takes from the environment of whoever starts it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { BuildEnvironment } from "./builder/builder.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const proxyNames = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"];

export function surroundings(environment: Environment, home: string): BuildEnvironment {
  const ca = environment["NODE_EXTRA_CA_CERTS"];
  const npmrc = environment["NPM_CONFIG_USERCONFIG"] ?? join(home, ".npmrc");
  const names = [...proxyNames, ...proxyNames.map((name) => name.toLowerCase())];
  const proxies = names.flatMap((name): [string, string][] => {
    const value = environment[name];
    return value === undefined || value === "" ? [] : [[name, value]];
  });
  return {
    proxies: Object.fromEntries(proxies),
    ...(ca !== undefined && existsSync(ca) ? { ca } : {}),
    ...(existsSync(npmrc) ? { npmrc } : {}),
  };
}
