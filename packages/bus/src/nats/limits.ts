import { lanesMax } from "../port/index.ts";

/** What the adapter allows itself. Every number is a choice that can be argued with, so all stand here. */
export const natsLimits = {
  /** The oldest server whose promises the adapter builds on. */
  oldestServer: [2, 12],
  connectTimeoutMs: 5_000,
  /**
   * A line on which nothing comes back is given up after two to three of these, and another server is tried:
   * well before an append whose answer did not come is given up as unknown.
   */
  pingIntervalMs: 2_000,
  reconnectWaitMs: 100,
  reconnectJitterMs: 100,
  /** For one answer of the server. */
  answerTimeoutMs: 5_000,
  /** For what is to be stored, once the server answered to nothing of that kind. */
  failedStoreTimeoutMs: 1_000,
  /** A server that is there answers a ping within this. */
  pingTimeoutMs: 1_000,
  /** How long an append whose answer did not come is asked after, before it is given up as unknown. */
  settleMs: 10_000,
  settlePauseMs: 50,
  /** A client that gets no answers goes to another server, and gives that one so long. */
  moveEveryMs: 10_000,
  /** Missing answers are looked for this often, and only while some are awaited. */
  sweepMs: 20,
  lastWordsMs: 500,
  logsMax: lanesMax,
  /** Bodies of 1 MiB travel with their headers. */
  headerBytesMax: 4 * 1024,
  messageBytesMax: 1024 * 1024 + 64 * 1024,
  deadDays: 14,
  teleDays: 7,
  teleBytesMax: 1024 * 1024 * 1024,
  taskBytesMax: 128 * 1024 * 1024,
  tasksMax: 100_000,
  /** The lease that consumers are made for; another length costs one more message a task. */
  leaseMs: 30_000,
  /** Consumers of task subjects that nobody uses any more go after this. */
  idleConsumerDays: 7,
  /** A task that was handed out so often is buried: it ends whoever takes it. */
  deliveriesMax: 100,
  pullExpiresMs: 30_000,
  /** While a request waits, the server says so this often; at most half of the above, as it demands. */
  pullHeartbeatMs: 3_000,
  /** How long a holder that asks for its tasks waits for other clients to hand them over. */
  handOverMs: 100,
  /** How long a new taker listens to what others claim before it asks for tasks. */
  helloMs: 20,
  /** What is read ahead for a reader that is slow, by entries; then the server is asked to wait. */
  tailAhead: 4_096,
  tailHeartbeatMs: 5_000,
  tailIdleMs: 60_000,
  readBatch: 1_000,
  rowsMax: 10_000,
  rowHistory: 8,
  /** A deleted row is remembered so long for those who watch. */
  tombstoneTtl: "1h",
  /** A copy that lags is asked again so often before what it lacks counts as absent. */
  lagTries: 4,
  lagPauseMs: 50,
  /** Consumers that the workers of one tenant may have made in an owner's life. */
  consumersPerTenantMax: 256,
  /** Of a journal, in one answer: in JSON it grows, and a message holds 1 MiB and its headers. */
  pageChars: 256 * 1024,
  blobPartBytes: 512 * 1024,
  blobPartsAtOnce: 16,
  blobKeysMax: 10_000,
} as const;
