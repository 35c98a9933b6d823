/** The sandboxes of a worker, by its settings. What makes them is loaded with the first untrusted call. */
import type { Clock } from "@agentflow/host/clock";
import { hash } from "node:crypto";
import os from "node:os";
import type { SandboxSettings, WorkerConfig } from "../channel/supervisor-messages.ts";
import { projectBinds } from "./project-binds.ts";
import type { SandboxShape } from "./shape.ts";
import { type Sandboxes, createSandboxes } from "./sandboxes.ts";
import type { SandboxSource } from "./source.ts";
import { unavailable } from "./unavailable.ts";

/** Where the images that `af image build` makes hold the program. */
export const sandboxEntry = "/opt/agentflow/node_modules/@agentflow/runtime/dist/runner/sandboxed.js";
/** The user of our images. */
export const sandboxUser = "1000:1000";

type Owner = Pick<WorkerConfig, "projectDir" | "worker" | "tenant">;

export function sandboxesOf(of: Owner, settings: SandboxSettings, clock: Clock): Sandboxes {
  const { projectDir } = of;
  return createSandboxes({ clock, projectDir, source: openSandboxSource(of, settings, clock) });
}

/** Connects to nothing before the first sandbox is asked for. */
export function openSandboxSource(
  { projectDir, worker, tenant }: Owner,
  settings: SandboxSettings,
  clock: Clock,
): SandboxSource {
  const owner =
    settings.owner ?? hash("sha256", `${os.hostname()}\0${projectDir}\0${tenant}\0${worker}`).slice(0, 16);
  const open = (): Promise<SandboxSource> => openSource({ projectDir, owner, settings, clock });
  return openedLater(open);
}

async function openSource(of: {
  readonly projectDir: string;
  readonly owner: string;
  readonly settings: SandboxSettings;
  readonly clock: Clock;
}): Promise<SandboxSource> {
  const { projectDir, owner, settings, clock } = of;
  const { host, certificates, image, runtime, broker } = settings;
  if (broker !== undefined) {
    const { brokerSandboxes } = await import("./broker-client.ts");
    return brokerSandboxes(broker);
  }
  if (settings.namespace !== undefined) {
    const { podSource } = await import("./kubernetes/for-broker.ts");
    return podSource(
      { ...settings, namespace: settings.namespace },
      { projectDir, entry: sandboxEntry, owner, clock },
    );
  }
  if (host === undefined || host === "") {
    throw unavailable("this worker has no Docker engine", [
      "start Docker; or set sandbox.host to where an engine listens",
    ]);
  }
  const { dockerSandboxes } = await import("./docker.ts");
  const shape: Omit<SandboxShape, "image" | "binds"> = {
    runtime,
    user: ownUser(),
    projectDir,
    entry: sandboxEntry,
    owner,
  };
  return dockerSandboxes({ host, certificates, image, shape, binds: () => projectBinds(projectDir), clock });
}

/** Who may read the project may read it there too; never root. */
function ownUser(): string {
  const { uid, gid } = os.userInfo();
  return uid > 0 ? `${uid}:${gid}` : sandboxUser;
}

function openedLater(open: () => Promise<SandboxSource>): SandboxSource {
  let opened: Promise<SandboxSource> | undefined;
  return {
    async open(request, onOutput) {
      opened ??= open();
      return (await opened).open(request, onOutput);
    },
    async close() {
      await opened?.then((source) => source.close()).catch(() => undefined);
    },
  };
}
