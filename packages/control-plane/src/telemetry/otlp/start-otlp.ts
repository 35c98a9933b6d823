/** What is measured in an installation, sent on to a collector by the control plane that does chores. */
import type { World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import type { Metrics } from "@agentflow/host/metrics";
import type { RunId, TenantId } from "@agentflow/protocol";
import type { Engine } from "../../engine-api.ts";
import { choresShard } from "../../orchestrator/shard.ts";
import { OtlpExporter } from "./exporter.ts";
import { openPost, type Target } from "./post.ts";
import { runSpans } from "./run-spans.ts";

export interface OtlpOptions {
  readonly engine: Engine;
  readonly world: World;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly node: string;
  readonly version: string;
  readonly target: Target;
}

export interface Otlp {
  stop(): Promise<void>;
}

interface Ended {
  readonly tenant: TenantId;
  readonly run: RunId;
}

/** Ended runs whose history is still to be read. */
const endedMax = 1_000;

export function startOtlp({ engine, world, log, metrics, node, version, target }: OtlpOptions): Otlp {
  const spans = metrics.counter({
    name: "otlp_spans_total",
    help: "Spans for the collector, by what became of them.",
    labels: { outcome: ["sent", "rejected", "dropped"] },
  });
  const say = log.child({ component: "otlp" });
  const count = (outcome: string, by: number): void => spans.of({ outcome }).add(by);
  const { post, close } = openPost(target);
  const exporter = new OtlpExporter({ ...world, log: say, resource: { node, version }, post, count });
  const ended: Ended[] = [];
  let reading: Promise<void> | undefined;
  const readAll = async (): Promise<void> => {
    for (let next = ended.shift(); next !== undefined; next = ended.shift()) {
      const { tenant } = next;
      const all = await spansOf(engine, next).catch(() => undefined);
      if (all === undefined) count("dropped", 1);
      for (const span of all ?? []) exporter.add(tenant, span);
    }
  };
  // Every control plane reads everything: one of them sends it.
  const isMine = (): boolean => engine.shards.includes(choresShard);
  const stop = engine.observe({
    onSpan: (tenant, span) => void (isMine() && exporter.add(tenant, span)),
    onRunEnd(tenant, run) {
      if (!isMine()) return;
      if (ended.length >= endedMax) return count("dropped", 1);
      ended.push({ tenant, run });
      reading ??= readAll().finally(() => (reading = undefined));
    },
  });
  say.info("spans are exported", { to: new URL(target.url).origin });
  return {
    async stop() {
      stop();
      await reading;
      await exporter.stop();
      close();
    },
  };
}

async function spansOf({ runs }: Engine, { tenant, run }: Ended) {
  const view = await runs.get(tenant, run);
  const { events } = await runs.events(tenant, run, { limit: 1 });
  const first = events[0]?.event;
  return runSpans(view, first?.kind === "run_started" ? first.traceparent : undefined);
}
