import type { ModelChange } from "./projector/read-rows.ts";
import type { CounterCell, HistogramCell, Metrics, WithLabels } from "@agentflow/host/metrics";

/** What the engine counts; each cell is taken once, so that counting costs an addition. */
export interface EngineMetrics {
  readonly runsStarted: CounterCell;
  readonly runsEnded: Readonly<Record<RunEnding, CounterCell>>;
  readonly runsParked: WithLabels<CounterCell>;
  readonly decideMs: HistogramCell;
  readonly appendMs: HistogramCell;
  readonly inputsPerCommit: HistogramCell;
  readonly mailboxDepth: HistogramCell;
  readonly dispatchWaitMs: HistogramCell;
  readonly reloads: CounterCell;
  readonly queueFull: CounterCell;
  readonly skipped: CounterCell;
  readonly unreadable: CounterCell;
  readonly nudges: CounterCell;
  readonly shardTakeovers: CounterCell;
  readonly leasesLost: CounterCell;
  readonly modelTokens: WithLabels<CounterCell>;
  readonly modelUsd: WithLabels<CounterCell>;
}

export type RunEnding = "completed" | "failed" | "cancelled";

/** Values that are asked for at each scrape. */
export interface EngineGauges {
  hotRuns(): number;
  hotBytes(): number;
  timers(): number;
  waiters(): number;
  backlog(): number;
  outstanding(): number;
  approvalsOpen(): number;
  projectionLagMs(): number;
  shardsHeld(): number;
  shardsFree(): number;
  nodesAlive(): number;
}

/** Names of models that are told apart. */
const modelsMax = 50;

export function countModel(
  metrics: EngineMetrics,
  { model, usage }: Pick<ModelChange, "model" | "usage">,
): void {
  metrics.modelTokens.of({ direction: "input", model }).add(usage.inputTokens);
  metrics.modelTokens.of({ direction: "output", model }).add(usage.outputTokens);
  const usd = Number(usage.usd);
  if (usd > 0) metrics.modelUsd.of({ model }).add(usd);
}

const counts = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1_024];

export function createEngineMetrics(metrics: Metrics): EngineMetrics {
  const count = (name: string, help: string): CounterCell => metrics.counter({ name, help });
  const ended = metrics.counter({
    name: "runs_ended_total",
    help: "Runs that ended, by outcome.",
    labels: { outcome: ["completed", "failed", "cancelled"] },
  });
  const histogram = (name: string, help: string): HistogramCell => metrics.histogram({ name, help });
  const sized = (name: string, help: string): HistogramCell =>
    metrics.histogram({ name, help, buckets: counts });
  return {
    runsStarted: count("runs_started_total", "Runs started here."),
    runsEnded: {
      completed: ended.of({ outcome: "completed" }),
      failed: ended.of({ outcome: "failed" }),
      cancelled: ended.of({ outcome: "cancelled" }),
    },
    runsParked: metrics.counter({
      name: "runs_parked_total",
      help: "Runs that this build cannot go on with.",
      labels: { reason: ["incompatible", "assertion", "plan_missing"] },
    }),
    decideMs: histogram("decide_ms", "Deciding all that waits for one run."),
    appendMs: histogram("append_ms", "From the append to its acknowledgement."),
    inputsPerCommit: sized("commit_inputs", "Inputs decided in one commit."),
    mailboxDepth: sized("mailbox_depth", "Inputs waiting for a run when it is decided."),
    dispatchWaitMs: histogram("dispatch_wait_ms", "From the commit of a task to its release to the queue."),
    reloads: count("run_reloads_total", "Runs read from the log again after a lost race or answer."),
    queueFull: count("queue_full_total", "Tasks that the queue refused for now."),
    skipped: count("log_records_skipped_total", "Records of the log that no reader here knows."),
    unreadable: count(
      "log_commits_unreadable_total",
      "Commits that this build cannot read, newer or damaged: their runs are shown as parked.",
    ),
    nudges: count("run_nudges_total", "Silent runs whose open commands were sent again."),
    shardTakeovers: count("shard_takeovers_total", "Shards that this control plane took."),
    modelTokens: metrics.counter({
      name: "model_tokens_total",
      help: "Tokens of model calls whose replies were journalled, by the model's name in the project.",
      labels: { direction: ["input", "output"], model: modelsMax },
    }),
    modelUsd: metrics.counter({
      name: "model_usd_total",
      help: "US dollars of the same calls, where they have a price.",
      labels: { model: modelsMax },
    }),
    leasesLost: count("lease_losses_total", "Times that its lease was not renewed in time."),
  };
}

/** Called once, when all parts exist. */
export function registerGauges(metrics: Metrics, read: EngineGauges): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    metrics.gauge({ name, help, read: value });
  };
  gauge("hot_runs", "Runs in memory.", () => read.hotRuns());
  gauge("hot_runs_bytes", "Text of the commits behind the runs in memory.", () => read.hotBytes());
  gauge("timers", "Timers that have not fired.", () => read.timers());
  gauge("run_waiters", "Clients that wait for the end of a run.", () => read.waiters());
  gauge("backlog_tasks", "Tasks that wait to be released.", () => read.backlog());
  gauge("outstanding_tasks", "Tasks released whose attempts are open.", () => read.outstanding());
  gauge("approvals_open", "Approvals that wait for a person.", () => read.approvalsOpen());
  gauge("projection_lag_ms", "How far the read model is behind the log.", () => read.projectionLagMs());
  gauge("shards_held", "Shards that this control plane serves.", () => read.shardsHeld());
  gauge("shards_without_owner", "Shards that nobody holds, as seen from here.", () => read.shardsFree());
  gauge("control_planes", "Control planes that live, as seen from here.", () => read.nodesAlive());
}
