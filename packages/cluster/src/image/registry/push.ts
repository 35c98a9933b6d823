/** Brings images to a registry and answers with what they are by content: `repo@sha256:…`. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Engine } from "../../docker/engine/index.ts";
import { findImage } from "../base.ts";
import type { Images, Progress } from "../images.ts";
import { type Refused, fromRegistry, isUnreachable } from "./errors.ts";
import { findLogin } from "./login.ts";
import { hostOf, referenceIn, repositoryOf, tagOf } from "./names.ts";
import type { RegistryLogin } from "./parse-docker-config.ts";

export interface PushOptions {
  readonly engine: Engine;
  /** As `buildImages` names them. That of NATS is not ours: it stays as it is named. */
  readonly images: Images;
  /** `registry` of the target: `registry.example.com/team`. */
  readonly registry: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly progress: Progress;
  readonly nowMs: () => number;
  readonly signal?: AbortSignal;
}

export interface Pushed {
  /** With the registry, by tag: what people read. */
  readonly reference: string;
  /** `registry.example.com/team/triage@sha256:…`: what nodes are told. */
  readonly byDigest: string;
  readonly ms: number;
  /** It was there already. */
  readonly wasThere: boolean;
}

export interface PushedImages {
  /** In place of those that were built. */
  readonly images: Images;
  readonly pushed: readonly Pushed[];
}

/** An image that is there under its tag is not pushed again: tags are named by content. */
export async function pushImages(options: PushOptions): Promise<PushedImages> {
  const pushed = new Map<string, Pushed>();
  for (const [local, bringing] of await bringingOf(options)) {
    pushed.set(local, await bring(local, bringing));
  }
  const there = (local: string): string => pushed.get(local)?.byDigest ?? local;
  return { images: renamed(options.images, there), pushed: [...pushed.values()] };
}

/** How a push would name them: what is there by its content, and by its tag what is not. Pushes nothing. */
export async function imagesInRegistry(options: PushOptions): Promise<Images> {
  const names = new Map<string, string>();
  for (const [local, bringing] of await bringingOf(options)) {
    const { reference } = bringing.at;
    const digest = await ownDigest(local, bringing);
    names.set(local, digest === undefined ? reference : byDigest(reference, digest));
  }
  return renamed(options.images, (local) => names.get(local) ?? local);
}

/** That of NATS is not ours: it stays as it is named. */
function renamed({ nats, controlPlane, worker }: Images, name: (local: string) => string): Images {
  return { nats, controlPlane: name(controlPlane), worker: name(worker) };
}

async function bringingOf(options: PushOptions): Promise<ReadonlyMap<string, Bringing>> {
  const { engine, images, registry, environment, home, signal } = options;
  const host = hostOf(`${registry}/`);
  const { login, from } = await findLogin(host, {
    environment,
    home,
    told: (line) => options.progress.line(line),
    ...(signal === undefined ? {} : { signal }),
  });
  const hides = login === undefined ? [] : secretsOf(login);
  return new Map(
    [images.controlPlane, images.worker].map((local): [string, Bringing] => {
      const reference = referenceIn(registry, local);
      const at: Pushing = { engine, reference, host, hasLogin: login !== undefined, from, hides };
      return [local, { at, login, options }];
    }),
  );
}

/** Each by itself, and as it stands in a header. */
function secretsOf({ username = "", password = "", identitytoken = "" }: RegistryLogin): readonly string[] {
  const basic = Buffer.from(`${username}:${password}`).toString("base64");
  return [...(password === "" ? [] : [basic, password]), identitytoken];
}

interface Pushing extends Refused {
  readonly engine: Engine;
}

interface Bringing {
  readonly at: Pushing;
  readonly login: RegistryLogin | undefined;
  readonly options: PushOptions;
}

async function bring(local: string, bringing: Bringing): Promise<Pushed> {
  const { at, options } = bringing;
  const { reference } = at;
  const { progress, nowMs, signal } = options;
  signal?.throwIfAborted();
  const startedMs = nowMs();
  const answer = (digest: string, wasThere: boolean): Pushed => ({
    reference,
    byDigest: byDigest(reference, digest),
    ms: nowMs() - startedMs,
    wasThere,
  });
  const there = await ownDigest(local, bringing);
  if (there !== undefined) return answer(there, true);
  progress.step(`pushing ${reference}`);
  await tag(local, at);
  await push(bringing);
  const digest = await digestThere(bringing, { must: true });
  if (digest !== undefined) return answer(digest, false);
  throw new AgentFlowError("unavailable", `${reference} was pushed, and the registry does not have it`, {
    reason: "registry_failed",
    details: { image: reference, registry: at.host },
    suggestions: [`look at it: docker manifest inspect ${reference}`],
  });
}

function byDigest(reference: string, digest: string): string {
  return `${repositoryOf(reference)}@${digest}`;
}

/** What the registry has under the tag, where it is what we mean. */
async function ownDigest(local: string, bringing: Bringing): Promise<string | undefined> {
  const known = await digestsKnown(local, bringing.at);
  const there = await digestThere(bringing);
  // The engine knows what it pushed there: another digest under that tag is somebody else's work.
  return there !== undefined && (known.length === 0 || known.includes(there)) ? there : undefined;
}

/** Under which digests the engine has it from that repository; none where it does not have it at all. */
async function digestsKnown(local: string, { engine, reference }: Pushing): Promise<readonly string[]> {
  const prefix = `${repositoryOf(reference)}@`;
  const digests = (await findImage(engine, local))?.digests ?? [];
  return digests.filter((one) => one.startsWith(prefix)).map((one) => one.slice(prefix.length));
}

/** What the registry has under the tag. Only nobody's being there ends it: a push says more of all else. */
async function digestThere(
  { at, login }: Bringing,
  { must = false }: { readonly must?: boolean } = {},
): Promise<string | undefined> {
  const { engine, reference } = at;
  try {
    const info = await engine.docker.getImage(reference).distribution({ authconfig: headerOf(login) });
    return info.Descriptor.digest;
  } catch (error) {
    const known = fromRegistry(error, at);
    if (must || isUnreachable(known)) throw known;
    return undefined;
  }
}

async function tag(local: string, { engine, reference }: Pushing): Promise<void> {
  const names = { repo: repositoryOf(reference), tag: tagOf(reference) };
  await engine.ask(`naming ${local} for the registry`, (docker) => docker.getImage(local).tag(names));
}

interface PushLine {
  readonly status?: string;
  readonly id?: string;
  readonly error?: string;
}

async function push({ at, login, options }: Bringing): Promise<void> {
  const { engine, reference } = at;
  const { progress, signal } = options;
  const told = ({ status, id }: PushLine): void => {
    // Many a second, and of no use once they are past.
    if (status === undefined || /^(Pushing|Waiting|Preparing)$/.test(status)) return;
    progress.line(id === undefined ? status : `${id}: ${status}`);
  };
  try {
    const answer = await engine.docker.getImage(repositoryOf(reference)).push({
      tag: tagOf(reference),
      authconfig: headerOf(login),
      ...(signal === undefined ? {} : { abortSignal: signal }),
    });
    await new Promise<void>((resolve, reject) => {
      engine.docker.modem.followProgress(
        answer,
        (error) => (error === null ? resolve() : reject(error)),
        told,
      );
      signal?.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")), {
        once: true,
      });
    });
  } catch (error) {
    throw fromRegistry(error, at);
  }
}

/** Older engines refuse to push without a header, be it an empty one. */
function headerOf(login: RegistryLogin | undefined): PushHeader {
  return { username: "", password: "", serveraddress: "", ...login };
}

type PushHeader = Required<Omit<RegistryLogin, "identitytoken">> & Pick<RegistryLogin, "identitytoken">;
