/** The streams of an installation: what an owner makes, and what everybody checks before using them. */
import { createHash, randomUUID } from "node:crypto";
import { AgentFlowError } from "@agentflow/protocol";
import { api, directLast, leaderGet, store } from "./api.ts";
import { fromApi } from "./errors.ts";
import type { Link } from "./link.ts";
import { natsLimits } from "./limits.ts";
import { epochSubject, laneSubjects, layoutSubject, logStream, streamNames } from "./names.ts";
import type { NatsOptions } from "./options.ts";
import type { StreamSize } from "../port/index.ts";
import { parseLayout, parseStreamInfo, type StreamFacts, text } from "./parse-answers.ts";
import { fence } from "./raw-headers.ts";

const second = 1e9;
const day = 24 * 60 * 60 * second;

/** What an installation looks like, once its streams are there. */
export interface Layout {
  readonly lanes: number;
  readonly replicas: number;
}

export type StreamConfig = { readonly name: string; readonly [key: string]: unknown };
type Config = StreamConfig;

export class Streams {
  readonly #link: Link;
  readonly #options: NatsOptions;

  constructor(link: Link, options: NatsOptions) {
    this.#link = link;
    this.#options = options;
  }

  get isOwner(): boolean {
    return this.#options.role === "owner";
  }

  /** Makes what is missing (an owner), and reads back what was decided when the installation was made. */
  async open(): Promise<Layout> {
    if (!this.isOwner) return this.#told();
    const lanes = await this.#decideLanes();
    for (const config of this.#configs(lanes)) await this.#ensure(config);
    const [log, task] = [await this.#info(logStream(0)), await this.#info(streamNames.task)];
    if (log === undefined || task === undefined) throw notSetUp();
    await this.epoch();
    const layout: Layout = { lanes, replicas: log.replicas };
    await this.#tell(layout);
    return layout;
  }

  /**
   * What an owner wrote down. Workers may not look at streams themselves: who may sees every tenant's
   * subjects in them.
   */
  async #told(): Promise<Layout> {
    const kept = await directLast(this.#link, streamNames.table, layoutSubject).catch(withoutStream);
    const layout = kept === undefined ? undefined : parseLayout(text(kept.data));
    if (layout === undefined) throw notSetUp();
    const { logs } = this.#options;
    if (logs !== undefined && logs !== layout.lanes) throw lanesFixed(layout.lanes, logs);
    return layout;
  }

  async #tell(layout: Layout): Promise<void> {
    const kept = await leaderGet(this.#link, streamNames.table, { last_by_subj: layoutSubject });
    const body = JSON.stringify({ v: 1, kind: "layout", ...layout });
    if (kept !== undefined && text(kept.data) === body) return;
    const doing = "writing down what the installation looks like";
    const stored = await store(this.#link, layoutSubject, { body, doing });
    if (!stored.ok) throw fromApi(stored.error, doing);
  }

  /** What this version would make, for whoever compares it with what is there. */
  expected(lanes: number): readonly StreamConfig[] {
    return this.#configs(lanes);
  }

  /** A stream in memory is gone when its server restarted: an owner makes it again. */
  async ensureTasks(): Promise<void> {
    if (!this.isOwner) throw notSetUp();
    await this.#ensure(this.#taskConfig());
  }

  /** Another value whenever the tasks were lost: it is kept among them and shares their fate. */
  async epoch(): Promise<string> {
    if (!this.isOwner) return this.#keptEpoch();
    for (let tries = 0; tries < 3; tries++) {
      const kept = await leaderGet(this.#link, streamNames.task, { last_by_subj: epochSubject }).catch(
        (error: unknown) => this.#withoutTasks(error),
      );
      if (kept !== undefined) return text(kept.data);
      const doing = "naming the queue's epoch";
      // Whoever is second finds the first one's value in the next round.
      await store(this.#link, epochSubject, { body: randomUUID(), headers: fence(0), doing });
    }
    throw new AgentFlowError("unavailable", "the queue's epoch could not be read", { reason: "no_epoch" });
  }

  async #keptEpoch(): Promise<string> {
    const kept = await directLast(this.#link, streamNames.task, epochSubject).catch(withoutStream);
    if (kept === undefined) throw notSetUp();
    return text(kept.data);
  }

  async #withoutTasks(error: unknown): Promise<undefined> {
    if (!AgentFlowError.is(error) || error.reason !== "not_set_up" || !this.isOwner) throw error;
    await this.ensureTasks();
  }

  /** Who makes the first stream says how many there are; of two at once the second goes by the first. */
  async #decideLanes(): Promise<number> {
    const lanes = this.#lanes(await this.#info(logStream(0)));
    const [first] = this.#configs(lanes);
    if (first !== undefined && (await this.#ensureOnce(first))) return lanes;
    return this.#lanes(await this.#info(logStream(0)));
  }

  #lanes(first: StreamFacts | undefined): number {
    const { logs } = this.#options;
    if (logs !== undefined && !(Number.isInteger(logs) && logs >= 1 && logs <= natsLimits.logsMax)) {
      throw new AgentFlowError("invalid_input", `an installation has 1 to ${natsLimits.logsMax} logs`, {
        reason: "invalid_logs",
      });
    }
    if (first === undefined) return logs ?? 1;
    const made = Number(first.metadata["af-logs"] ?? 1);
    if (logs === undefined || logs === made) return made;
    throw lanesFixed(made, logs);
  }

  /** What lies in each stream, as the server counts it. */
  async sizes(lanes: number): Promise<readonly StreamSize[]> {
    const { task, dead, tele, audit, table, blob } = streamNames;
    const names: [string, string][] = Object.entries({ task, dead, tele, audit, table, blob });
    const log = (lane: number): [string, string] => [lane === 0 ? "log" : `log ${lane}`, logStream(lane)];
    const all = [...Array.from({ length: lanes }, (_, lane) => log(lane)), ...names];
    const found = await Promise.all(
      all.map(async ([name, stream]) => ({ name, of: await this.#info(stream) })),
    );
    return found.flatMap(({ name, of }) =>
      of === undefined ? [] : [{ stream: name, messages: of.messages, bytes: of.bytes }],
    );
  }

  async #info(stream: string): Promise<StreamFacts | undefined> {
    const call = { verb: `STREAM.INFO.${stream}`, doing: `looking at ${stream}` };
    const value = await api(this.#link, call, "noStream");
    return value === undefined ? undefined : parseStreamInfo(value);
  }

  async #ensure(config: Config): Promise<void> {
    if (await this.#ensureOnce(config)) return;
    if (await this.#ensureOnce(config)) return;
    throw new AgentFlowError("unavailable", `${config.name} kept changing`, { reason: "stream_changing" });
  }

  /** False when somebody else has made it meanwhile, or made it for another number of logs. */
  async #ensureOnce(config: Config): Promise<boolean> {
    const digest = createHash("sha256").update(JSON.stringify(config)).digest("hex").slice(0, 16);
    const there = await this.#info(config.name);
    if (there?.metadata["af-config"] === digest) return true;
    const own = record(config["metadata"]);
    const made = there?.metadata["af-logs"];
    if (made !== undefined && made !== own["af-logs"]) return false;
    const body = { ...config, metadata: { ...own, "af-config": digest } };
    const verb = `STREAM.${there === undefined ? "CREATE" : "UPDATE"}.${config.name}`;
    return (
      (await api(this.#link, { verb, body, doing: `making ${config.name}` }, "streamExists")) !== undefined
    );
  }

  #configs(lanes: number): Config[] {
    const base = this.#base();
    const log = Array.from({ length: lanes }, (_, lane) => ({
      ...base,
      name: logStream(lane),
      subjects: laneSubjects(lane, lanes),
      discard: "new",
      metadata: { "af-logs": String(lanes) },
    }));
    const dead = {
      ...base,
      name: streamNames.dead,
      subjects: ["af.dead.>"],
      max_age: natsLimits.deadDays * day,
    };
    const tele = {
      ...base,
      name: streamNames.tele,
      subjects: ["af.tele.>"],
      max_age: natsLimits.teleDays * day,
      max_bytes: natsLimits.teleBytesMax,
    };
    const never = { deny_delete: true, deny_purge: true, discard: "new" };
    const audit = { ...base, ...never, name: streamNames.audit, subjects: ["af.audit.>"] };
    const table = {
      ...base,
      name: streamNames.table,
      subjects: ["$KV.AF_TABLE.>", layoutSubject],
      // Not one: a change that is followed at once by another still has to reach those who watch.
      max_msgs_per_subject: natsLimits.rowHistory,
      discard: "new",
      allow_msg_ttl: true,
      allow_rollup_hdrs: true,
    };
    const blob = {
      ...base,
      name: streamNames.blob,
      subjects: ["af.blob.>"],
      max_msgs_per_subject: 1,
      discard: "new",
    };
    return [...log, this.#taskConfig(), dead, tele, audit, table, blob];
  }

  #taskConfig(): Config {
    const { tasksMax = natsLimits.tasksMax } = this.#options;
    return {
      ...this.#base(),
      name: streamNames.task,
      subjects: ["af.task.*.*.*.*", epochSubject],
      retention: "workqueue",
      // The log is the outbox: a second durable write for each step would keep nothing that it does not.
      storage: "memory",
      discard: "new",
      // One more for the epoch.
      max_msgs: tasksMax + 1,
      max_bytes: natsLimits.taskBytesMax,
    };
  }

  #base(): Config {
    return {
      name: "",
      retention: "limits",
      storage: "file",
      discard: "old",
      num_replicas: this.#options.replicas ?? 1,
      max_msg_size: natsLimits.messageBytesMax,
      allow_direct: true,
      // Ids are never used: the fence is what keeps a message from being stored twice.
      duplicate_window: second,
    };
  }
}

function record(value: unknown): { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** Nobody answers for a stream that is not there. */
function withoutStream(error: unknown): undefined {
  if (AgentFlowError.is(error) && error.reason === "no_server") return undefined;
  throw error;
}

function lanesFixed(made: number, asked: number): AgentFlowError {
  const has = made === 1 ? "one log" : `${made} logs`;
  return new AgentFlowError("refused", `this installation was made with ${has}, not ${asked}`, {
    reason: "logs_fixed",
    details: { made, asked },
    suggestions: [
      `leave the number out, or say ${made}: it is fixed for the installation's life`,
      "af backup, and af restore into an installation that is made with another number",
    ],
  });
}

function notSetUp(): AgentFlowError {
  return new AgentFlowError("unavailable", "this NATS server holds no installation of AgentFlow yet", {
    reason: "not_set_up",
    suggestions: ["start the control plane: it makes the streams"],
  });
}
