/** Files of Docker's own client: config.json and the metadata of its contexts. */
import { AgentFlowError } from "@agentflow/protocol";

export interface ContextMeta {
  readonly name: string;
  readonly host: string;
  readonly skipVerify: boolean;
}

/** `currentContext`; nothing when the file names none. A file that is no JSON is said with its path. */
export function parseCurrentContext(text: string, path: string): string | undefined {
  const { currentContext } = json(text, path) as { currentContext?: unknown };
  return typeof currentContext === "string" && currentContext !== "" ? currentContext : undefined;
}

/** Nothing when the context has no Docker endpoint (it may be one for Kubernetes alone). */
export function parseContextMeta(text: string, path: string): ContextMeta | undefined {
  const meta = json(text, path) as {
    Name?: unknown;
    Endpoints?: { docker?: { Host?: unknown; SkipTLSVerify?: unknown } };
  };
  const docker = meta.Endpoints?.docker;
  if (typeof meta.Name !== "string" || typeof docker?.Host !== "string" || docker.Host === "")
    return undefined;
  return { name: meta.Name, host: docker.Host, skipVerify: docker.SkipTLSVerify === true };
}

function json(text: string, path: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch (cause) {
    throw new AgentFlowError(
      "invalid_input",
      `${path} is not JSON: Docker's own client cannot read it either`,
      {
        reason: "docker_config_broken",
        details: { path },
        suggestions: [
          `repair or remove ${path}`,
          "or name the engine: DOCKER_HOST=unix:///var/run/docker.sock",
        ],
        cause,
      },
    );
  }
}
