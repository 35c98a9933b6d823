/** What a look at NATS found, as lines: a fact each, and the command that helps. */
import type { ConsumerReport, NatsReport, StreamReport, Used } from "@agentflow/bus/nats";
import { showDuration } from "@agentflow/protocol";
import type { Check } from "../doctor/check.ts";

/** Above this share of a limit somebody should look. */
const fullAt = 0.8;
const clockNoteMs = 500;
const clockBadMs = 5_000;
const redeliveredShare = 0.1;

/** `asked`: the number of logs that the settings name, if they do. */
export function busChecks(report: NatsReport, asked?: number): Check[] {
  const { version, ill, streams, storage, consumers } = report;
  return [
    healthCheck(version, ill),
    durabilityCheck(report),
    ...logsChecks(report, asked),
    ...streams.flatMap(streamChecks),
    ...fillChecks("file store", storage.file, "more room: max_file_store in nats-server's jetstream section"),
    ...fillChecks(
      "memory store",
      storage.memory,
      "more room: max_memory_store in nats-server's jetstream section",
    ),
    ...consumers.flatMap(consumerChecks),
    consumersCheck(consumers),
    deadCheck(report.deadLetters),
    clockCheck(report.clock),
  ];
}

function healthCheck(version: string, ill: string | undefined): Check {
  if (ill === undefined) return { name: "nats", state: "good", fact: `nats-server ${version}` };
  const fact = `nats-server ${version} is not well: ${ill}`;
  // A stream whose write failed takes no other until the server is started again.
  const fix = /space|write error/.test(ill)
    ? "make room on the disk of the NATS server, then restart that server"
    : "look into nats-server's log";
  return { name: "nats", state: "bad", fact, fix };
}

/** In words, since what it means is what counts: what may be lost, and by what. */
function durabilityCheck({ sync, replicas }: NatsReport): Check {
  const copies = replicas === 1 ? "one copy" : `${replicas} copies`;
  const always = sync.startsWith("fsync before");
  const fact = `${sync}; ${copies}`;
  if (replicas >= 3)
    return { name: "durability", state: "good", fact: `${fact}: the loss of one machine loses nothing` };
  if (always) {
    return {
      name: "durability",
      state: "note",
      fact: `${fact}: a power cut loses nothing, the loss of its disk everything`,
      fix: "af server --replicas 3, on three servers in three places",
    };
  }
  return {
    name: "durability",
    state: "note",
    fact: `${fact}: a power cut may lose the newest answers`,
    fix: "sync_interval: always in nats-server's jetstream section (and --monitor, so that it can be seen)",
  };
}

/** Said once, when the installation is made: another number is refused by every control plane. */
function logsChecks({ logs }: NatsReport, asked: number | undefined): Check[] {
  if (logs === undefined) return [];
  const fact = logs === 1 ? "one" : `${logs}, side by side: shard s lies in AF_LOG_<s mod ${logs}>`;
  if (asked === undefined || asked === logs) return [{ name: "logs", state: "good", fact }];
  const wrong = `${fact}; the settings ask for ${asked}, and af server will refuse to start`;
  return [{ name: "logs", state: "bad", fact: wrong, fix: `bus.logs: ${logs}, or leave it out` }];
}

function streamChecks(stream: StreamReport): Check[] {
  const { name } = stream;
  if (stream.kind === "missing") {
    return [{ name, state: "bad", fact: "is not there", fix: "af server makes it at its start" }];
  }
  const { differs, behind, bytes, bytesMax, messages, messagesMax } = stream;
  const held = `${messages} records, ${size(bytes)}`;
  const made: Check =
    differs.length === 0
      ? { name, state: "good", fact: `${held}, as this version makes it` }
      : {
          name,
          state: "bad",
          fact: `${held}, but not as this version makes it: ${differs.join("; ")}`,
          fix: `nats stream edit ${name}, or start the af server that this af is of`,
        };
  const lag: Check[] =
    behind.length === 0
      ? []
      : [
          {
            name,
            state: "bad",
            fact: `copies behind: ${behind.join(", ")}`,
            fix: `nats stream info ${name}`,
          },
        ];
  return [
    made,
    ...lag,
    ...nearlyFull(name, { used: messages, limit: messagesMax }, "records"),
    ...nearlyFull(name, { used: bytes, limit: bytesMax }, "bytes"),
  ];
}

function nearlyFull(name: string, { used, limit }: Used, of: string): Check[] {
  // What has an age lets go of its oldest; what refuses new records when it is full is worth a look.
  if (limit === undefined || used < limit * fullAt || name === "AF_TELE") return [];
  const fact = `${percent(used / limit)} of its ${of}: when it is full, new work is refused`;
  return [{ name, state: "note", fact, fix: "more workers, or: af run list --status running" }];
}

function fillChecks(name: string, { used, limit }: Used, fix: string): Check[] {
  if (limit === undefined) return [{ name, state: "good", fact: `${size(used)} used, no limit set` }];
  const fact = `${size(used)} of ${size(limit)} used (${percent(used / limit)})`;
  return [used >= limit * fullAt ? { name, state: "bad", fact, fix } : { name, state: "good", fact }];
}

function consumerChecks({ subject, leased, redelivered }: ConsumerReport): Check[] {
  if (redelivered === 0 || redelivered < leased * redeliveredShare) return [];
  const fact = `${redelivered} of ${leased} tasks in hand came before: workers die or are too slow`;
  return [{ name: subject, state: "note", fact, fix: "af worker list" }];
}

function consumersCheck(consumers: readonly ConsumerReport[]): Check {
  const sum = (of: (one: ConsumerReport) => number): number =>
    consumers.reduce((total, one) => total + of(one), 0);
  const idle = consumers.filter(({ waiting, leased }) => waiting > 0 && leased === 0);
  const [first] = idle;
  const fact = `${sum(({ waiting }) => waiting)} waiting, ${sum(({ leased }) => leased)} in hand`;
  if (first === undefined) return { name: "tasks", state: "good", fact };
  const nobody = `${fact}; nobody takes from ${first.subject} (${first.waiting} waiting)`;
  return { name: "tasks", state: "note", fact: nobody, fix: "af worker list" };
}

function deadCheck(deadLetters: number): Check {
  if (deadLetters === 0) return { name: "dead letters", state: "good", fact: "none" };
  const fact = `${deadLetters} tasks were given up after many tries`;
  return { name: "dead letters", state: "note", fact, fix: "af logs --source bus --since 14d" };
}

function clockCheck({ aheadMs, roundTripMs }: NatsReport["clock"]): Check {
  const off = Math.abs(aheadMs);
  const word = aheadMs >= 0 ? "ahead of" : "behind";
  const within = `±${Math.max(1, Math.ceil(roundTripMs / 2))}ms`;
  if (off < clockNoteMs) return { name: "clock", state: "good", fact: `as the server's (${within})` };
  const fact = `the server's is ${showDuration(off)} ${word} this machine's (${within})`;
  return { name: "clock", state: off < clockBadMs ? "note" : "bad", fact, fix: "chronyc tracking, on both" };
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function size(bytes: number): string {
  if (bytes < 1024 ** 2) return `${Math.ceil(bytes / 1024)} KiB`;
  return bytes < 1024 ** 3
    ? `${(bytes / 1024 ** 2).toFixed(1)} MiB`
    : `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
