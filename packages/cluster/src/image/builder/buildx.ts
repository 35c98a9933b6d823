/** BuildKit through Docker's own client: stages side by side, and secrets that leave no trace. */
import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import type { EngineAddress } from "../../docker/engine/index.ts";
import { tarOf } from "../context.ts";
import { type BuildEnvironment, type BuildRequest, type Builder, StepFailed, Tail } from "./builder.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** How long the client may take to say whether it has the plugin and reaches the engine. */
const askWithinMs = 10_000;

/** The builder, or why there is none: no client, no plugin, or an engine that it does not work on. */
export async function findBuildx(
  address: EngineAddress,
  environment: Environment,
): Promise<((build: BuildEnvironment) => Builder) | string> {
  const clientEnvironment = environmentFor(address, environment);
  const ask = promisify(execFile);
  const words = ["buildx", "inspect", "default"];
  try {
    await ask("docker", words, { env: clientEnvironment, timeout: askWithinMs });
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    if ("code" in error && error.code === "ENOENT") return "there is no docker client on the PATH";
    const said = "stderr" in error && typeof error.stderr === "string" ? error.stderr.trim() : error.message;
    return `docker buildx does not work here: ${said.split("\n")[0] ?? ""}`;
  }
  return (build) => ({ name: "buildx", build: (request) => run(request, build, clientEnvironment) });
}

function environmentFor(
  { host, certificates, verify }: EngineAddress,
  environment: Environment,
): Environment {
  return {
    ...environment,
    DOCKER_HOST: host,
    // It would win over the host.
    DOCKER_CONTEXT: undefined,
    DOCKER_CERT_PATH: certificates,
    DOCKER_TLS_VERIFY: certificates !== undefined && verify ? "1" : undefined,
    DOCKER_TLS: certificates !== undefined && !verify ? "1" : undefined,
    BUILDX_BUILDER: undefined,
    BUILDX_NO_DEFAULT_ATTESTATIONS: "1",
  };
}

function run(request: BuildRequest, build: BuildEnvironment, environment: Environment): Promise<void> {
  const { files, progress, signal } = request;
  const client = spawn("docker", wordsFor(request, build), {
    env: { ...environment, ...build.proxies },
    stdio: ["pipe", "pipe", "pipe"],
    // Ctrl-C at the terminal is ours to pass on.
    detached: true,
  });
  // Where a step's secrets come from says nothing to who waits for it.
  const tail = new Tail((line) => progress.line(line.replaceAll(/--mount=\S+ /g, "")));
  for (const stream of [client.stdout, client.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => tail.add(text));
  }
  const stop = (): void => void client.kill("SIGTERM");
  signal?.addEventListener("abort", stop, { once: true });
  const archive = tarOf(files);
  let unreadable: Error | undefined;
  archive.on("error", (error) => {
    unreadable = error;
    client.kill("SIGTERM");
  });
  // A client that ends early reads no further: how it ended says more.
  client.stdin.on("error", () => archive.destroy());
  archive.pipe(client.stdin);
  return new Promise((resolve, reject) => {
    client.on("error", reject);
    client.on("close", (code) => {
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted === true) reject(new DOMException("stopped", "AbortError"));
      else if (unreadable !== undefined) reject(unreadable);
      else if (code === 0) resolve();
      else reject(failed(tail.end()));
    });
  });
}

function wordsFor(request: BuildRequest, { ca, npmrc, proxies }: BuildEnvironment): string[] {
  const { reference, dockerfile, args, labels } = request;
  const pairs = (flag: string, map: Readonly<Record<string, string>>): string[] =>
    Object.entries(map).flatMap(([name, value]) => [flag, `${name}=${value}`]);
  return [
    "buildx",
    "build",
    "--builder=default",
    "--progress=plain",
    "--load",
    `--tag=${reference}`,
    `--file=${dockerfile}`,
    ...pairs("--build-arg", args),
    // By name only: the values come from the environment and stand in no list of processes.
    ...Object.keys(proxies).flatMap((name) => ["--build-arg", name]),
    ...pairs("--label", labels),
    ...(ca === undefined ? [] : ["--secret", `id=ca,src=${ca}`]),
    ...(npmrc === undefined ? [] : ["--secret", `id=npmrc,src=${npmrc}`]),
    "-",
  ];
}

const wrapping = /^(ERROR: |failed to build: |failed to solve: |rpc error: code = \w+ desc = )+/;

/** The last line says what is wrong, `#7 ERROR` in which step, and `#7 1.2 …` what that one printed. */
export function failed(said: readonly string[]): StepFailed {
  const reason = said.findLast((line) => line.startsWith("ERROR: ")) ?? said.at(-1) ?? "";
  const number = /^#(\d+) ERROR/.exec(said.findLast((line) => /^#\d+ ERROR/.test(line)) ?? "")?.[1];
  const named = / > (?:\[[^\]]*\] )?(.*):$/;
  const step = named.exec(said.findLast((line) => /^ > .*:$/.test(line)) ?? "")?.[1] ?? "";
  const printed = new RegExp(`^#${number ?? "-"} \\d+\\.\\d+ ?(.*)$`);
  return new StepFailed(
    reason.replace(wrapping, ""),
    step,
    said.flatMap((line) => printed.exec(line)?.[1] ?? []),
  );
}
