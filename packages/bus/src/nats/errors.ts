/** The one place where what NATS says becomes an AgentFlowError. */
import { AgentFlowError } from "@agentflow/protocol";

/** An error as JetStream's API writes it. */
export interface ApiError {
  readonly code: number;
  readonly number: number;
  readonly description: string;
}

/** Numbers of JetStream's own errors that mean something to us. */
export const apiErrors = {
  consumerExists: [10_013, 10_105, 10_148],
  noMessage: [10_037, 10_043],
  noStream: [10_059],
  streamExists: [10_058],
  noConsumer: [10_014],
  wrongSequence: [10_071],
  /** With copies: another write behind the same fence is on its way; what becomes of it is not known yet. */
  underWay: [10_164],
  /** A cluster without a leader, or without enough servers, for now: it says so with codes of any kind. */
  notNow: [10_004, 10_005, 10_007, 10_008, 10_009, 10_041, 10_118, 10_163, 10_164, 10_167],
  full: [10_077, 10_047, 10_023, 10_028, 10_110],
  /** The limit that a server took from the room on its disk when it started. */
  noRoom: [10_047],
  tooBig: [10_054],
  disabled: [10_039, 10_076, 10_119],
  denied: [10_109, 10_110],
  /** More copies than the server, which is none of a cluster, can keep. */
  noCopies: [10_074],
} as const;

export type ApiErrorName = keyof typeof apiErrors;

export function isApiError(error: ApiError | undefined, name: ApiErrorName): boolean {
  const numbers: readonly number[] = apiErrors[name];
  return error !== undefined && numbers.includes(error.number);
}

/** What JetStream refused, in our words. */
export function fromApi(error: ApiError, doing: string): AgentFlowError {
  const details = { natsError: error.number, description: error.description };
  const refused = (
    code: "unavailable" | "limit_exceeded" | "not_found" | "refused" | "internal",
    reason: string,
    hint?: string,
  ) =>
    new AgentFlowError(code, `${doing}: NATS says "${error.description}"`, {
      reason,
      details,
      ...(hint === undefined ? {} : { suggestions: [hint] }),
    });
  if (isApiError(error, "noRoom")) {
    const hint =
      "make room on its disk, then restart that server (on containers: af restart nats): " +
      "how much there is it looks when it starts";
    return refused("unavailable", "storage_full", hint);
  }
  if (storeFailed.test(error.description)) return storesNothing(doing);
  if (isApiError(error, "full")) {
    const hint = "give the NATS server more storage; work goes on by itself then";
    return refused("unavailable", "storage_full", hint);
  }
  if (isApiError(error, "tooBig")) return refused("limit_exceeded", "too_big");
  if (isApiError(error, "noStream") || isApiError(error, "noConsumer")) {
    return refused("unavailable", "not_set_up", "start the control plane: it makes the streams");
  }
  if (isApiError(error, "disabled")) {
    return refused("unavailable", "no_jetstream", "turn JetStream on in the NATS server's configuration");
  }
  if (isApiError(error, "noCopies")) {
    return refused(
      "refused",
      "no_copies",
      "leave --replicas out: it needs a cluster of as many NATS servers",
    );
  }
  if (isApiError(error, "notNow") || error.code === 503 || error.code === 408) {
    return refused("unavailable", "no_quorum");
  }
  return refused("internal", "nats_refused");
}

/** Its words for a disk that fails it, under numbers of any kind; why, it writes to its own log alone. */
const storeFailed = /^error creating store for/;

const elsewhere = [
  "is a NATS server there? another address: --bus URL, AF_BUS__SERVERS, or bus.servers of --config",
];

const loginHints = [
  "name the identity: --nkey FILE and --inbox PREFIX (or --creds FILE), as af bus credentials printed them",
  "after new credentials: nats-server --signal reload",
];

/** What the client library threw. */
export function fromNats(error: unknown, doing: string): AgentFlowError {
  if (AgentFlowError.is(error)) return error;
  const [name, text] = error instanceof Error ? [error.name, error.message] : ["", String(error)];
  const say = (
    code: "unavailable" | "timeout" | "forbidden" | "unauthenticated" | "internal",
    reason: string,
    suggestions: readonly string[] = [],
  ) => new AgentFlowError(code, `${doing}: ${text}`, { reason, cause: error, suggestions });
  switch (name) {
    case "TimeoutError":
      return say("timeout", "no_answer");
    case "NoRespondersError":
      return say("unavailable", "no_server");
    case "AuthorizationError":
    case "UserAuthenticationExpiredError":
      return say("unauthenticated", "nats_login", loginHints);
    case "PermissionViolationError":
      return say("forbidden", "nats_permission", [
        "use the identity of this role: af bus credentials DIR --add",
      ]);
    case "ConnectionError":
    case "ClosedConnectionError":
    case "DrainingConnectionError":
    case "RequestError":
      return say("unavailable", "not_connected", elsewhere);
    case "InvalidArgumentError":
      return text.includes("max_payload") ? payloadTooBig(doing) : say("internal", "nats");
    default:
      return say(
        /ECONN|EHOSTUNREACH|ENOTFOUND|EPIPE|ETIMEDOUT/.test(text) ? "unavailable" : "internal",
        "nats",
      );
  }
}

function payloadTooBig(doing: string): AgentFlowError {
  return new AgentFlowError("limit_exceeded", `${doing}: the NATS server takes no message of this size`, {
    reason: "too_big",
    suggestions: ["set max_payload: 2MB in the server's configuration: a body of 1 MiB travels with headers"],
  });
}

/** Connected, but under a prefix of answers that is another's. */
export function inboxRefused(doing: string, inbox: string): AgentFlowError {
  return new AgentFlowError(
    "forbidden",
    `${doing}: NATS does not let this identity hear answers at ${inbox}`,
    {
      reason: "inbox_refused",
      suggestions: ["--inbox PREFIX, as af bus credentials printed it for this identity"],
    },
  );
}

export function closedError(): AgentFlowError {
  return new AgentFlowError("unavailable", "this bus was closed", { reason: "closed" });
}

export function notConnected(doing: string): AgentFlowError {
  return new AgentFlowError("unavailable", `${doing}: not connected to NATS`, {
    reason: "not_connected",
    suggestions: ["start the NATS server: work goes on by itself then", "af bus doctor"],
  });
}

/** Sent, and the connection broke before the answer: it may have been carried out. */
export function connectionLost(doing: string): AgentFlowError {
  return new AgentFlowError("unavailable", `${doing}: the connection to NATS was lost before the answer`, {
    reason: "connection_lost",
  });
}

export function noServer(doing: string): AgentFlowError {
  return new AgentFlowError("unavailable", `${doing}: nobody is there`, { reason: "no_server" });
}

export function noAnswer(doing: string, timeoutMs: number): AgentFlowError {
  return new AgentFlowError("timeout", `${doing}: no answer within ${timeoutMs} ms`, { reason: "no_answer" });
}

export function isStorageFailed(error: unknown): boolean {
  return AgentFlowError.is(error) && error.reason === "storage_failed";
}

export function isNoAnswer(error: unknown): boolean {
  return AgentFlowError.is(error) && error.reason === "no_answer";
}

/** The server is there and answers questions, but not what it was to store: its disk failed it. */
export function storesNothing(doing: string): AgentFlowError {
  return new AgentFlowError(
    "unavailable",
    `${doing}: NATS answers, but stores nothing: its disk is full or broken`,
    {
      reason: "storage_failed",
      suggestions: [
        "make room on the disk of the NATS server, then restart that server: until then it stores nothing",
        "on containers: af restart nats; its log and its monitor (/healthz) say what failed",
      ],
    },
  );
}

const ambiguous: ReadonlySet<string> = new Set(["connection_lost", "no_quorum", "storage_failed"]);

/** True when what failed with this may have been carried out all the same. */
export function isAmbiguous(error: unknown): boolean {
  return AgentFlowError.is(error) && (error.code === "timeout" || ambiguous.has(error.reason));
}
