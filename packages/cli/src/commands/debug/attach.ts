import { ApiCommand } from "../../api-command.ts";
import { Args, Flags } from "../../flags.ts";
import { pick } from "../../not-found.ts";
import { printRecord } from "../../output/table.ts";
import { dim } from "../../output/text.ts";

export default class DebugAttach extends ApiCommand {
  static override summary = "Open the inspector of a worker's runner, for a debugger to attach to";
  static override description =
    "Works on workers that af dev brings, on the machine on which it runs: the inspector listens on\n" +
    "127.0.0.1 alone. A reload starts another runner: attach again then, or start af dev with --inspect.";
  static override args = {
    worker: Args.string({ required: true, description: "name, or its unique beginning" }),
  };
  static override flags = {
    port: Flags.integer({ description: "port of the inspector", default: 9229, min: 1_024, max: 65_535 }),
  };
  static override examples = ["af debug attach local", "af debug attach local --port 9300"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DebugAttach);
    const client = await this.connect(flags);
    const { items } = await client.workers.list();
    const { worker } = pick({ kind: "worker", name: args.worker, items, nameOf: (item) => item.worker });
    const { url } = await client.workers.inspect(worker, flags.port);
    const devtools = devtoolsUrl(url);
    this.output.data({ worker, url, devtools });
    if (this.output.json) return;
    const { host } = new URL(url);
    printRecord(this.output, [
      ["worker", worker],
      ["inspector", url],
      ["chrome", devtools],
      ["or", "chrome://inspect, then Configure, then " + host],
      ["vs code", `{"type": "node", "request": "attach", "address": "127.0.0.1", "port": ${portOf(url)}}`],
    ]);
    const note = "it stays open until the code is loaded anew; a breakpoint holds all that this runner does";
    this.output.say(dim(note));
  }
}

function portOf(url: string): string {
  return new URL(url).port;
}

function devtoolsUrl(url: string): string {
  const page = "devtools://devtools/bundled/js_app.html?experiments=true&v8only=true";
  return `${page}&ws=${url.replace(/^ws:\/\//, "")}`;
}
