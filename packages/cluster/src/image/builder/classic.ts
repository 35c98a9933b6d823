/** The builder within the engine, asked over its API: it is there wherever an engine is. */
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import type { Engine } from "../../docker/engine/index.ts";
import { type ContextFile, tarOf } from "../context.ts";
import { withoutMounts } from "../recipes.ts";
import { type BuildEnvironment, type BuildRequest, type Builder, StepFailed, Tail } from "./builder.ts";
import { parseBuildLine } from "./parse-build-line.ts";

export function classicBuilder(engine: Engine, environment: BuildEnvironment): Builder {
  return { name: "classic", build: (request) => build(engine, environment, request) };
}

async function build(engine: Engine, environment: BuildEnvironment, request: BuildRequest): Promise<void> {
  const { image, reference, dockerfile, args, labels, progress, signal } = request;
  signal?.throwIfAborted();
  const archive = tarOf(filesFor(request, environment));
  const answer = await engine.ask(`building ${image}`, (docker) =>
    docker.buildImage(archive, {
      t: reference,
      dockerfile,
      // Proxies by these names are known to it and stay out of the history.
      buildargs: { ...environment.proxies, ...args },
      labels: { ...labels },
      rm: true,
      forcerm: true,
      ...(signal === undefined ? {} : { abortSignal: signal }),
    }),
  );
  const tail = new Tail((line) => progress.line(line));
  let rest = "";
  let failure: string | undefined;
  const take = (line: string): void => {
    if (line.trim() === "") return;
    const { stream, error } = parseBuildLine(line);
    if (stream !== undefined) tail.add(stream);
    failure ??= error;
  };
  const stop = (): void => void (answer instanceof Readable && answer.destroy());
  signal?.addEventListener("abort", stop, { once: true });
  try {
    for await (const chunk of answer) {
      const lines = (rest + String(chunk)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) take(line);
    }
    take(rest);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  // Hung up on, the answer just ends.
  signal?.throwIfAborted();
  if (failure !== undefined) throw failedClassic(failure, tail.end());
}

function filesFor({ files, dockerfile }: BuildRequest, { ca }: BuildEnvironment): readonly ContextFile[] {
  const plain = files.map((file) =>
    file.path === dockerfile && "text" in file.from
      ? { ...file, from: { text: withoutMounts(file.from.text) } }
      : file,
  );
  // It knows no secrets: certificates, which are none, come with the files of the first stage.
  const installs = files.some(({ path }) => path === "dependencies/package.json");
  if (ca === undefined || !installs) return plain;
  return [...plain, { path: "dependencies/ca.pem", from: { text: readFileSync(ca, "utf8") } }];
}

const stepPattern = /^Step \d+\/\d+ : (.*)$/;
const ofTheBuilder = /^( ?---> ?|Removing intermediate container |Step \d+\/\d+ : )/;

/** What the step printed, without what the builder says of itself; removing what is left comes last. */
export function failedClassic(message: string, said: readonly string[]): StepFailed {
  const from = said.findLastIndex((line) => stepPattern.test(line));
  const step = stepPattern.exec(said[from] ?? "")?.[1] ?? "";
  return new StepFailed(
    message,
    step,
    said.slice(from + 1).filter((line) => line !== "" && !ofTheBuilder.test(line)),
  );
}
