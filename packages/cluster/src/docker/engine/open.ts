/** An engine that answered, ready to be asked. */
import { AgentFlowError } from "@agentflow/protocol";
import type Docker from "dockerode";
import { patience } from "../pace.ts";
import type { EngineAddress } from "./address.ts";
import { engineUnreachable, fromEngine, noEngine, statusOf } from "./errors.ts";
import { clientOptions } from "./transport.ts";

export interface Engine {
  readonly address: EngineAddress;
  readonly kind: "docker" | "podman";
  /** Release of the engine, `27.5.1`. */
  readonly version: string;
  /** Version of its API, `1.47`. */
  readonly api: string;
  /** Operating system and processor of its machine, `linux/amd64`. */
  readonly platform: string;
  /** The client itself; what it throws is the engine's, so prefer `ask`. */
  readonly docker: Docker;
  /** One question; what goes wrong comes out as an AgentFlowError that says what was being done. */
  ask<T>(doing: string, question: (docker: Docker) => Promise<T>): Promise<T>;
  close(): void;
}

/** The oldest API that has all we ask for: Docker 20.10, Podman 4. */
export const oldestApi = "1.41";

// A connection over ssh has 30 s to come about, and keys may want to be touched.
const answerMs = { near: 20_000, ssh: 60_000 };

export interface OpeningEngine {
  /** Longest wait for its first answer. */
  readonly answerMs?: number;
}

/** Connects and asks who answers. Refuses engines that are too old with both versions. */
export async function openEngine(address: EngineAddress, opening: OpeningEngine = {}): Promise<Engine> {
  const { options, close } = await clientOptions(address);
  const { default: Client } = await import("dockerode");
  const docker = new Client(options);
  const ask: Engine["ask"] = async (doing, question) => {
    try {
      return await question(docker);
    } catch (error) {
      throw fromEngine(error, doing, address);
    }
  };
  const longestMs = opening.answerMs ?? (address.host.startsWith("ssh:") ? answerMs.ssh : answerMs.near);
  try {
    const asked = new Client({ ...options, timeout: longestMs });
    const answer = await firstAnswer(address, {
      ask: async () => ask(who, () => asked.version()),
      longestMs,
    });
    return { address, ...identify(answer, address), docker, ask, close };
  } catch (error) {
    close();
    throw error;
  }
}

const who = "asking the engine who it is";

interface Asking {
  readonly ask: () => Promise<Answer>;
  readonly longestMs: number;
}

/** An engine that hangs takes connections and says nothing; that must not look like work. */
async function firstAnswer(address: EngineAddress, { ask, longestMs }: Asking): Promise<Answer> {
  const over = patience(longestMs);
  const late = new Promise<never>((_, reject) => {
    const said = new Error(`no answer in ${longestMs / 1_000} s: it hangs, or has too much to do`);
    over.addEventListener("abort", () => reject(engineUnreachable(address, said, "ETIMEDOUT")));
  });
  try {
    return await Promise.race([ask(), late]);
  } catch (error) {
    throw statusOf(error) === 404 ? noEngine(address, error) : error;
  }
}

type Answer = Awaited<ReturnType<Docker["version"]>>;

function identify(
  answer: Answer,
  address: EngineAddress,
): Pick<Engine, "kind" | "version" | "api" | "platform"> {
  const { Version: version, ApiVersion: api } = answer;
  if (typeof version !== "string" || typeof api !== "string") {
    throw noEngine(address);
  }
  // Older engines leave the list out.
  const parts = "Components" in answer ? answer.Components : [];
  const kind = parts.some(({ Name }) => /podman/i.test(Name)) ? "podman" : "docker";
  if (isOlder(api, oldestApi)) {
    throw new AgentFlowError(
      "refused",
      `the engine at ${address.host} is too old: ${kind} ${version} speaks API ${api}, af needs ${oldestApi}`,
      {
        reason: "engine_too_old",
        details: { version, api, needs: oldestApi },
        suggestions: ["update it to Docker 20.10 or later (Podman 4 or later)", "af doctor"],
      },
    );
  }
  return { kind, version, api, platform: `${answer.Os}/${answer.Arch}` };
}

function isOlder(api: string, than: string): boolean {
  const [major = 0, minor = 0] = api.split(".").map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split(".").map(Number);
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}
