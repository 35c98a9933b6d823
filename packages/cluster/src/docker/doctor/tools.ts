/** Programs of Docker's own client that make builds quicker, and the one that runs a written compose file. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Engine } from "../engine/open.ts";
import { type EngineCheck, good, note } from "./check.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const answerWithinMs = 10_000;

export async function toolChecks(engine: Engine, environment: Environment): Promise<EngineCheck[]> {
  const [buildx, compose] = await Promise.all([
    ask(engine, environment, ["buildx", "version"]),
    ask(engine, environment, ["compose", "version"]),
  ]);
  return [
    buildx.ok
      ? good("buildx", buildx.said)
      : note(
          "buildx",
          `${buildx.said}; images are built by the engine itself, slower`,
          "apt install docker-buildx-plugin",
        ),
    compose.ok
      ? good("compose", compose.said)
      : note(
          "compose",
          `${compose.said}; only a written compose file needs it`,
          "apt install docker-compose-plugin",
        ),
  ];
}

async function ask(
  { address }: Engine,
  environment: Environment,
  words: string[],
): Promise<{ readonly ok: boolean; readonly said: string }> {
  const own = { ...environment, DOCKER_HOST: address.host, DOCKER_CONTEXT: undefined };
  try {
    const { stdout } = await promisify(execFile)("docker", words, { env: own, timeout: answerWithinMs });
    return { ok: true, said: stdout.trim().split("\n")[0] ?? "" };
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    return {
      ok: false,
      said: isMissing ? "no docker client on the PATH" : `docker ${words[0] ?? ""} is not there`,
    };
  }
}
