/** What our images are built on, without a registry: small stand-ins that are made from this machine. */
import type Docker from "dockerode";
import { nodeFilesystem, natsFilesystem } from "./filesystems.ts";
import type { TestEngine } from "./test-engine.ts";

export interface BaseImages {
  /** Node 24 with npm, a shell, CA certificates and the user `node` (1000). */
  readonly node: string;
  /** nats-server with a shell and wget. */
  readonly nats: string;
}

/** Counted up when filesystems.ts puts another thing together: an older stand-in is made anew. */
const made = "dev.agentflow.test.stand-in=2";

const wanted = { node: "node:24-slim", nats: "nats:2.15-alpine" } as const;

/**
 * Images by the names that Dockerfiles use by default. Where they are missing they are imported; on an
 * engine that is not the tests' own under a name of ours, so that nobody takes a stand-in for the real one.
 */
export async function baseImages(engine: TestEngine): Promise<BaseImages> {
  const node = await have(engine, wanted.node, nodeFilesystem);
  const nats = await have(engine, wanted.nats, natsFilesystem);
  return { node, nats };
}

type Filesystem = () => Promise<{ readonly tar: NodeJS.ReadableStream; done(): Promise<void> }>;

async function have(engine: TestEngine, name: string, make: Filesystem): Promise<string> {
  const { docker, own } = engine;
  if (!own && (await isThere(docker, name))) return name;
  const standIn = own ? name : `agentflow-test/${name}`;
  if (await isOurs(docker, standIn)) return standIn;
  const { tar, done } = await make();
  try {
    const [repo = "", tag = ""] = standIn.split(":");
    const answer = await docker.importImage(tar, {
      repo,
      tag,
      changes: ['CMD ["node"]', "ENV LANG=C.UTF-8", `LABEL ${made}`],
    });
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(answer, (error) => (error === null ? resolve() : reject(error)));
    });
  } finally {
    await done();
  }
  return standIn;
}

async function isOurs(docker: Docker, name: string): Promise<boolean> {
  const filters = { reference: [name], label: [made] };
  return (await docker.listImages({ filters })).length > 0;
}

function isThere(docker: Docker, name: string): Promise<boolean> {
  return docker
    .getImage(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}
