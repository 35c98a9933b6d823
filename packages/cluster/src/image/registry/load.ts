/** Brings images to a cluster by the user's own command instead of a registry: `imageLoad` of the target. */
import { AgentFlowError } from "@agentflow/protocol";
import { spawn } from "node:child_process";
import { Tail } from "../builder/builder.ts";
import type { Progress } from "../images.ts";
import { type LoadCommand, parseCommand } from "./command.ts";

export interface LoadOptions {
  /** `kind load docker-image {image}` */
  readonly command: string;
  readonly images: readonly string[];
  /** Of the project: where it runs. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

const linesShown = 20;

/** Once for each image, one after the other. */
export async function loadImages(options: LoadOptions): Promise<void> {
  const command = parseCommand(options.command);
  for (const image of new Set(options.images)) {
    options.signal?.throwIfAborted();
    options.progress.step(`loading ${image}`);
    await run(command(image), { image, ...options });
  }
}

function run(words: LoadCommand, of: LoadOptions & { readonly image: string }): Promise<void> {
  const { folder, environment, progress, signal } = of;
  const [program, ...rest] = words;
  // Ctrl-C at the terminal is ours to pass on.
  const child = spawn(program, rest, {
    cwd: folder,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const tail = new Tail((line) => progress.line(line), linesShown);
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => tail.add(text));
  }
  const stop = (): void => endAll(child.pid);
  signal?.addEventListener("abort", stop, { once: true });
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      signal?.removeEventListener("abort", stop);
      settle();
    };
    child.on("error", (cause) => end(() => reject(notStarted(program, { ...of, cause }))));
    child.on("close", (code, by) =>
      end(() => {
        if (signal?.aborted === true) reject(new DOMException("stopped", "AbortError"));
        else if (code === 0) resolve();
        else reject(failed({ ...of, how: by === null ? `exit code ${code}` : by, lines: tail.end() }));
      }),
    );
  });
}

/** The command with what it started: a shell does not hand a signal on. */
function endAll(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGTERM");
  } catch {
    // It has ended meanwhile.
  }
}

const setting = "imageLoad of the target in agentflow.yaml";

function notStarted(
  program: string,
  { image, folder, cause }: { readonly image: string; readonly folder: string; readonly cause: Error },
): AgentFlowError {
  const isMissing = "code" in cause && cause.code === "ENOENT";
  const why = isMissing ? `there is no program ${program} on the PATH` : cause.message;
  return new AgentFlowError("unavailable", `loading ${image}: ${why}`, {
    reason: "image_load_missing",
    details: { image, program, folder },
    suggestions: [`install ${program}`, `or name another command: ${setting}`],
    cause,
  });
}

interface Failed {
  readonly image: string;
  readonly command: string;
  readonly how: string;
  readonly lines: readonly string[];
}

function failed({ image, command, how, lines }: Failed): AgentFlowError {
  const said = lines.length === 0 ? "" : `\n${lines.join("\n")}`;
  return new AgentFlowError("unavailable", `loading ${image} failed (${how})${said}`, {
    reason: "image_load_failed",
    details: { image, command, how, lines },
    suggestions: [`what was run: ${command}`, `it is named by ${setting}`],
  });
}
