/** Why an image could not be built, as a person can act on it. */
import { AgentFlowError } from "@agentflow/protocol";
import { type EngineAddress, fromEngine } from "../docker/engine/index.ts";
import { type BuilderName, StepFailed } from "./builder/builder.ts";

export interface FailedBuild {
  /** For messages: `agentflow/worker`. */
  readonly image: string;
  /** The Dockerfile by its name, and its text. */
  readonly file: string;
  readonly dockerfile: string;
  /** Whether the file is the user's. */
  readonly users: boolean;
  readonly address: EngineAddress;
  readonly aborted: boolean;
  /** The one that built it. */
  readonly builder: BuilderName;
}

const shownLines = 20;

export function buildFailure(error: unknown, build: FailedBuild): AgentFlowError {
  const { image, address, aborted } = build;
  if (aborted) {
    return new AgentFlowError("timeout", `building ${image}: stopped before it was done`, {
      reason: "cancelled",
      cause: error,
    });
  }
  const unread = unreadable(error, build);
  if (unread !== undefined) return unread;
  if (!(error instanceof StepFailed)) return fromEngine(error, `building ${image}`, address);
  const everything = [error.message, ...error.lines].join("\n");
  if (/no space left on device|ENOSPC/i.test(everything)) {
    return fromEngine(new Error(`no space left on device: ${error.message}`), `building ${image}`, address);
  }
  const lines = withoutUsage(error.lines).slice(-shownLines);
  const line = lineOf(build.dockerfile, error.step);
  const details = {
    image,
    step: error.step,
    lines,
    ...(build.users ? { file: build.file, ...(line === undefined ? {} : { line }) } : { where: image }),
  };
  const last = lines.findLast((text) => text.trim() !== "") ?? error.message;
  if (/package-lock\.json.* in sync/.test(everything)) return lockDiffers(error, details);
  if (isNetwork(everything)) {
    // The other builder has no way to hand a token in without leaving it in the image.
    const needsBuildx = build.builder === "buildx" ? "" : ", and install docker buildx";
    return new AgentFlowError("unavailable", `building ${image}: the network did not answer\n${last}`, {
      reason: "build_network",
      details,
      suggestions: [
        "behind a company's proxy: set HTTPS_PROXY, and NODE_EXTRA_CA_CERTS to its certificates",
        `a registry that asks who you are: put its token into ~/.npmrc${needsBuildx}`,
      ],
      cause: error,
    });
  }
  const what = error.step === "" ? `building ${image} failed` : `${shortStep(error.step)} failed`;
  const code = build.users || isDependencies(error.step) ? "invalid_project" : "internal";
  return new AgentFlowError(code, `${what}\n${last}`, {
    reason: "build_failed",
    details,
    suggestions: build.users
      ? [`mend ${build.file}, then: af image build`]
      : [
          "does npm ci --omit=dev work in the project's folder?",
          "all that was said: af image build --verbose",
        ],
    cause: error,
  });
}

/** A Dockerfile that is none, with the builder's line; both builders say it in the same words. */
function unreadable(error: unknown, { file, users }: FailedBuild): AgentFlowError | undefined {
  const text = error instanceof Error ? error.message : "";
  const [, line, what] = /dockerfile parse error(?: on)? line (\d+): (.*)/i.exec(text) ?? [];
  if (line === undefined) return undefined;
  return new AgentFlowError(
    users ? "invalid_project" : "internal",
    `${file}: ${what ?? "it cannot be read"}`,
    {
      reason: "dockerfile_invalid",
      details: { file, line: Number(line) },
      suggestions: [`mend ${file}, then: af image build`],
      cause: error,
    },
  );
}

/** What npm adds to every failure: how it is called, and where its log lies in a container that is gone. */
function withoutUsage(lines: readonly string[]): string[] {
  const usage = lines.findIndex((line) => /^npm error (Usage:|Clean install a project)/.test(line));
  const said = usage === -1 ? lines : lines.slice(0, usage);
  return said.filter((line) => line !== "npm error" && !line.includes("A complete log of this run"));
}

function lockDiffers(error: StepFailed, details: Readonly<Record<string, unknown>>): AgentFlowError {
  const differs = error.lines.flatMap((line) => /\b((?:Missing|Invalid): .*)$/.exec(line)?.[1] ?? []);
  const what = differs.slice(0, 2).join("; ");
  return new AgentFlowError("invalid_project", `package-lock.json does not fit package.json: ${what}`, {
    reason: "lock_file_differs",
    details: { ...details, where: "package-lock.json" },
    suggestions: ["npm install", "then: af image build"],
    cause: error,
  });
}

function isDependencies(step: string): boolean {
  return step.includes("install.js");
}

const network = /\b(ENOTFOUND|EAI_AGAIN|ECONN(REFUSED|RESET)|ETIMEDOUT|ENETUNREACH)\b/;
const certificate = /\b(SELF_SIGNED_CERT|UNABLE_TO_(GET|VERIFY)|DEPTH_ZERO)/;

function isNetwork(text: string): boolean {
  return network.test(text) || certificate.test(text);
}

function shortStep(step: string): string {
  const plain = step.replaceAll(/--mount=\S+\s+/g, "");
  if (isDependencies(plain)) return "npm ci --omit=dev, in the image,";
  return plain.length > 80 ? `${plain.slice(0, 79)}…` : plain;
}

/** Line of the instruction, from 1. Builders say a step in one line, whatever it takes in the file. */
function lineOf(dockerfile: string, step: string): number | undefined {
  const [word = ""] = step.split("\n");
  const start = word.slice(0, 40).trim();
  if (start === "") return undefined;
  const lines = dockerfile.split("\n");
  for (let length = start.length; length > 4; length -= 4) {
    const at = lines.findIndex((line) => line.trim().startsWith(start.slice(0, length)));
    if (at !== -1) return at + 1;
  }
  return undefined;
}
