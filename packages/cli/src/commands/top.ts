import { AgentFlowError, errorTable, toErrorBody } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { setTimeout as delay } from "node:timers/promises";
import { ApiCommand } from "../api-command.ts";
import { Flags } from "../flags.ts";
import { dim, yellow } from "../output/text.ts";
import { parseInterval } from "../runs/parse-since.ts";
import { onInterrupt } from "../runs/detach.ts";
import { type ContainerWatch, watchContainers } from "../top/containers.ts";
import { headLines, type Shown, tableOf } from "../top/frame.ts";
import { firstLook, type View, views } from "../top/model.ts";
import { RateKeeper, type TopView } from "../top/rates.ts";

export default class Top extends ApiCommand {
  static override summary = "Watch what goes on: pools, queues, workers, runs, rates, memory; live";
  static override description =
    "On a terminal a screen that is drawn anew each --interval; ? shows its keys, q leaves. It says when\n" +
    "the installation is gone, and goes on when it is back. Elsewhere, or with --once: one picture, of\n" +
    "the time between two looks; with --watch one after the other.\n" +
    "Of containers also what their engine says they use, of pods what their cluster measures.\n" +
    "Figures of all tenants need a key with the scope operator; else they are the tenant's own.";
  static override flags = {
    interval: Flags.string({ description: "between two looks", default: "2s", helpValue: "DURATION" }),
    once: Flags.boolean({ description: "one picture, then end" }),
    watch: Flags.boolean({ description: "go on, one picture each interval, also where nobody looks" }),
    view: Flags.option({ description: "what is shown first", options: views, default: "pools" as const })(),
  };
  static override examples = ["af top", "af top --once --view workers", "af top --json --interval 1s"];

  async run(): Promise<void> {
    const { flags } = await this.parse(Top);
    const intervalMs = parseInterval(flags.interval);
    const client = await this.connect(flags);
    const installation = await this.reach(flags);
    const containers = await watchContainers(installation.context);
    const where = installation.context?.name ?? installation.url;
    try {
      if (this.#isLive(flags)) {
        const { watchTop } = await import("../top/watch.ts");
        await watchTop({
          client,
          containers,
          where,
          intervalMs,
          view: flags.view,
          noColor: flags["no-color"],
        });
        return;
      }
      await this.#pictures({ client, containers, where, intervalMs, view: flags.view, watch: flags.watch });
    } finally {
      containers?.close();
    }
  }

  /** Two looks make a picture; with `watch` each further look makes another one. */
  async #pictures(of: Picturing): Promise<void> {
    const { client, containers, intervalMs, watch } = of;
    using interrupt = onInterrupt();
    const rates = new RateKeeper();
    rates.next(await client.top());
    await containers?.look().catch(() => undefined);
    for (;;) {
      const isLeft = await delay(intervalMs, undefined, { signal: interrupt.signal }).then(
        () => false,
        () => true,
      );
      if (isLeft) return this.exitWith(watch ? 0 : interruptedExit);
      try {
        const view = rates.next(await client.top());
        const used = await containers?.look().catch(() => undefined);
        await this.#show(of, view, used);
      } catch (error) {
        if (!watch) throw error;
        const known = AgentFlowError.from(error, "asking the installation");
        if (errorTable[known.code].exit !== errorTable.unavailable.exit) throw known;
        this.output.record("lost", { error: toErrorBody(known) });
        this.output.say(yellow(`… no answer: ${known.message}; asking again`));
        continue;
      }
      if (!watch) return;
    }
  }

  async #show(of: Picturing, view: TopView, containers: Shown["containers"]): Promise<void> {
    const { top, workers, rates, poolTasksPerS } = view;
    const pools = top.pools.map((pool) => ({ ...pool, tasksPerS: poolTasksPerS.get(pool.pool) ?? 0 }));
    const { rows, unmeasured } = containers ?? {};
    const data = { ...top, pools, workers, rates, containers: rows, unmeasured };
    if (of.watch) this.output.record("top", data);
    else this.output.data(data);
    if (this.output.json) return;
    const { where, intervalMs, client } = of;
    const runs = of.view === "runs" ? (await client.runs.list({ status: "running", limit: 100 })).runs : [];
    const shown: Shown = {
      where,
      intervalMs,
      view,
      runs,
      nowMs: Date.now(),
      ...(containers === undefined ? {} : { containers }),
    };
    for (const line of headLines(shown)) this.output.line(line);
    this.output.line();
    const { lines } = tableOf(shown, { ...firstLook, view: of.view }, this.output.width);
    for (const line of lines) this.output.line(line);
    if (of.watch) this.output.line(dim("–"));
  }

  #isLive(flags: { readonly json: boolean; readonly once: boolean; readonly "no-input": boolean }): boolean {
    const { stdin, stdout } = process;
    const dumb = process.env["TERM"] === "dumb";
    return stdin.isTTY && stdout.isTTY && !flags.json && !flags.once && !flags["no-input"] && !dumb;
  }
}

const interruptedExit = 130;

interface Picturing {
  readonly client: Client;
  readonly containers: ContainerWatch | undefined;
  readonly where: string;
  readonly intervalMs: number;
  readonly view: View;
  readonly watch: boolean;
}
