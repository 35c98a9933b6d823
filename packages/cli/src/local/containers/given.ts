/** What a worker in a container is given of this machine: the project's secrets, and what it refers to. */
import type { SecretStore } from "@agentflow/host/secrets";
import type { Given } from "@agentflow/runtime/supervise";
import { readFileSync } from "node:fs";
import path from "node:path";

const reference = /env:\/\/([A-Za-z_][A-Za-z0-9_]{0,126})/g;
/** Ways out of a network, which hold there too; a proxy's address may hold a password. */
const network = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"];

export function givenTo(projectDir: string, store: SecretStore): Given {
  const secrets = store.list().flatMap(({ name }): [string, string][] => {
    const value = store.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  const named = new Set([...network, ...namesIn(projectDir)]);
  const variables = [...named].flatMap((name): [string, string][] => {
    const value = store.variable(name);
    return value === undefined ? [] : [[name, value]];
  });
  return { secrets: Object.fromEntries(secrets), variables: Object.fromEntries(variables) };
}

function namesIn(projectDir: string): string[] {
  try {
    const text = readFileSync(path.join(projectDir, "agentflow.yaml"), "utf8");
    return [...text.matchAll(reference)].map(([, name = ""]) => name);
  } catch {
    // It says so elsewhere that it cannot be read.
    return [];
  }
}
