import type { Door } from "@agentflow/cluster";
import { ApiCommand } from "../../api-command.ts";
import type { Context } from "../../config/contexts.ts";
import { Args, Flags } from "../../flags.ts";
import { untilInterrupted } from "../../mock-llm-flags.ts";
import { pick } from "../../not-found.ts";
import { printRecord } from "../../output/table.ts";
import { dim } from "../../output/text.ts";

export default class DebugAttach extends ApiCommand {
  static override summary = "Open the inspector of a worker's runner, for a debugger to attach to";
  static override description =
    "Works on workers that af dev brings, on the machine on which it runs, and on those of a target on\n" +
    "Docker, through its engine, or in a cluster, through its API, until Ctrl-C. The inspector listens\n" +
    "on 127.0.0.1 alone. A reload starts another runner: attach again then, or start af dev with --inspect.";
  static override args = {
    worker: Args.string({ required: true, description: "name, or its unique beginning" }),
  };
  static override flags = {
    port: Flags.integer({ description: "port of the inspector", default: 9229, min: 1_024, max: 65_535 }),
  };
  static override examples = [
    "af debug attach local",
    "af debug attach local --port 9300",
    "af debug attach worker-default-1 --context docker",
    "af debug attach shop-prod-worker --context k8s:staging/agents",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DebugAttach);
    const client = await this.connect(flags, { changes: true });
    const { items } = await client.workers.list();
    const { worker } = pick({ kind: "worker", name: args.worker, items, nameOf: (item) => item.worker });
    const { context } = this.installation(flags);
    const door = context === undefined ? undefined : await throughEngine(context, worker, flags.port);
    try {
      this.#say(
        worker,
        door?.url ?? (await client.workers.inspect(worker, flags.port)).url,
        door !== undefined,
      );
      if (door !== undefined) await untilInterrupted();
    } finally {
      await door?.close();
    }
  }

  #say(worker: string, url: string, through: boolean): void {
    const devtools = devtoolsUrl(url);
    this.output.data({ worker, url, devtools });
    if (this.output.json) return;
    const { host } = new URL(url);
    printRecord(this.output, [
      ["worker", worker],
      ["inspector", url],
      ["chrome", devtools],
      ["or", "chrome://inspect, then Configure, then " + host],
      ["vs code", JSON.stringify(launchConfiguration(Number(portOf(url)), through))],
    ]);
    const until = through ? "Ctrl-C ends the way to it" : "it stays open until the code is loaded anew";
    this.output.say(dim(`${until}; a breakpoint holds all that this runner does`));
  }
}

/** Nothing when neither an engine nor a cluster carries the installation. */
async function throughEngine(
  { kind, engine, cluster: at, project, target }: Context,
  worker: string,
  port: number,
): Promise<Door | undefined> {
  if (at !== undefined) {
    const { openClusterInspector, openPlace } = await import("@agentflow/cluster/inside-cluster");
    return openClusterInspector({ ...(await openPlace(at, process.env)), worker, port });
  }
  if (kind !== "docker" || engine === undefined || project === undefined || target === undefined)
    return undefined;
  const { openInspector } = await import("@agentflow/cluster");
  return openInspector({ engine, project, target, worker, port });
}

/** In an image the project lies elsewhere than here. */
function launchConfiguration(port: number, inImage: boolean): object {
  const folders = { localRoot: "${workspaceFolder}", remoteRoot: "/srv/project" };
  const at = { type: "node", request: "attach", address: "127.0.0.1", port };
  return inImage ? { ...at, ...folders } : at;
}

function portOf(url: string): string {
  return new URL(url).port;
}

function devtoolsUrl(url: string): string {
  const page = "devtools://devtools/bundled/js_app.html?experiments=true&v8only=true";
  return `${page}&ws=${url.replace(/^ws:\/\//, "")}`;
}
