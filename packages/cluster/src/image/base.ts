/** An image that is not ours: on the engine already, or pulled. */
import { AgentFlowError } from "@agentflow/protocol";
import { type Engine, fromEngine, statusOf } from "../docker/engine/index.ts";
import type { Progress } from "./images.ts";

export interface Found {
  readonly id: string;
  readonly bytes: number;
  /** `linux/amd64` */
  readonly platform: string;
  /** `registry.example.com/team/triage@sha256:…` of each place that it came from or went to. */
  readonly digests: readonly string[];
}

/** Its id and size on the engine; undefined when it is not there. */
export async function findImage(engine: Engine, reference: string): Promise<Found | undefined> {
  try {
    const image = await engine.ask(`looking for ${reference}`, (docker) =>
      docker.getImage(reference).inspect(),
    );
    return {
      id: image.Id,
      bytes: image.Size,
      platform: `${image.Os}/${image.Architecture}`,
      digests: image.RepoDigests ?? [],
    };
  } catch (error) {
    if (statusOf(error) === 404 || (AgentFlowError.is(error) && error.reason === "image_missing"))
      return undefined;
    throw error;
  }
}

interface Wanted {
  readonly reference: string;
  /** Where another would be named, such as `images.base`. */
  readonly setting: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** Pulls what is missing. Where that fails it says why, and how to bring it by hand. */
export async function needImage(engine: Engine, wanted: Wanted): Promise<Found> {
  const there = await findImage(engine, wanted.reference);
  if (there !== undefined) return there;
  await pull(engine, wanted);
  const pulled = await findImage(engine, wanted.reference);
  if (pulled !== undefined) return pulled;
  throw missing(wanted, engine, new Error("it was pulled and is not there"));
}

async function pull(engine: Engine, wanted: Wanted): Promise<void> {
  const { reference, progress, signal } = wanted;
  signal?.throwIfAborted();
  progress.step(`pulling ${reference}`);
  const { docker, address } = engine;
  try {
    const answer = await docker.pull(reference, signal === undefined ? {} : { abortSignal: signal });
    await new Promise<void>((resolve, reject) => {
      const told = ({ status, id }: { status?: string; id?: string }): void => {
        if (status !== undefined && !/^(Downloading|Extracting)/.test(status)) {
          progress.line(id === undefined ? status : `${id}: ${status}`);
        }
      };
      docker.modem.followProgress(answer, (error) => (error === null ? resolve() : reject(error)), told);
      signal?.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")), {
        once: true,
      });
    });
  } catch (error) {
    const known = fromEngine(error, `pulling ${reference}`, address);
    if (["interrupted", "disk_full", "engine_unreachable"].includes(known.reason)) throw known;
    throw missing(wanted, engine, error);
  }
}

function missing({ reference, setting }: Wanted, engine: Engine, cause: unknown): AgentFlowError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const why = /dial tcp|lookup|timeout|connection refused|TLS|x509|proxyconnect/i.test(text)
    ? "the engine does not reach the registry"
    : /denied|unauthorized|authentication/i.test(text)
      ? "there is none of this name, or it asks for a login"
      : "there is none of this name";
  return new AgentFlowError(
    "not_found",
    `the image ${reference} is not on the engine and cannot be pulled: ${why}`,
    {
      reason: "image_missing",
      details: { image: reference, engine: engine.address.host },
      suggestions: [
        `docker pull ${reference}`,
        `bring it by hand: docker save ${reference} | ssh HOST docker load`,
        `name another: ${setting} of the target in agentflow.yaml`,
      ],
      cause,
    },
  );
}
