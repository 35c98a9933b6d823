/** What a cluster says when it cannot, as an error that says what, where and what next. */
import { AgentFlowError, type ErrorCode } from "@agentflow/protocol";
import type { ClusterAddress } from "../cluster.ts";
import { parseStatus, type Status } from "./parse-status.ts";

/** `doing` is what was asked for, as in `reading Deployment/x`. */
export function fromCluster(error: unknown, doing: string, address: ClusterAddress): AgentFlowError {
  if (AgentFlowError.is(error)) return error;
  // Ours, thrown on the way and wrapped by the client.
  if (error instanceof TypeError && AgentFlowError.is(error.cause)) return error.cause;
  const at: At = { doing, address, cause: error };
  const answer = answerOf(error);
  if (answer !== undefined) return fromAnswer(answer.code, parseStatus(answer.body), at);
  const code = codeOf(error) ?? "";
  if (nameOf(error) === "TimeoutError" || code === "UND_ERR_HEADERS_TIMEOUT") return silent(at);
  if (nameOf(error) === "AbortError" || code === "ABORT_ERR") return stopped(at);
  if (isOfTls(code)) return ofTls(code, at);
  if (isOfConnection(code)) return unreachable(code, at);
  // As for a port that no client may speak to: no code, and the words are in the cause.
  if (error instanceof TypeError && error.cause instanceof Error) return unreachable(error.cause.message, at);
  return AgentFlowError.from(error, doing);
}

/** The HTTP status of the cluster's answer; nothing when there was none. */
export function answerCodeOf(error: unknown): number | undefined {
  if (AgentFlowError.is(error)) return answerCodeOf(error.cause);
  return answerOf(error)?.code;
}

/** The server's own account of why it refused; nothing when there was no answer. */
export function statusOf(error: unknown): Status | undefined {
  if (AgentFlowError.is(error)) return statusOf(error.cause);
  const answer = answerOf(error);
  return answer === undefined ? undefined : parseStatus(answer.body);
}

/** Whether a connection that was refused, broke, or stayed silent is to blame. */
export function isConnectionLost(error: unknown): boolean {
  if (answerOf(error) !== undefined) return false;
  return isOfConnection(codeOf(error) ?? "") || nameOf(error) === "TimeoutError";
}

interface At {
  readonly doing: string;
  readonly address: ClusterAddress;
  readonly cause: unknown;
}

function fromAnswer(code: number, status: Status, { doing, address, cause }: At): AgentFlowError {
  const { message, reason, kind, name, causes } = status;
  const said = message === "" ? `the cluster answers ${code}` : message;
  const details = {
    context: address.context,
    server: address.server,
    http: code,
    ...(reason === "" ? {} : { answer: reason }),
    ...(kind === "" ? {} : { kind, name }),
    ...(causes.length === 0 ? {} : { causes }),
  };
  const of = (is: ErrorCode, why: string, suggestions: readonly string[] = []): AgentFlowError =>
    new AgentFlowError(is, `${doing}: ${said}`, { reason: why, details, suggestions, cause });
  if (isOfAdmission(message)) return of("refused", "admission_refused", [admissionStep]);
  switch (code) {
    case 401:
      return unauthenticated({ doing, address, cause });
    case 403:
      if (/exceeded quota/.test(message)) return of("refused", "quota_exceeded", quotaSteps(address));
      if (/violates PodSecurity/.test(message)) return of("refused", "pod_security");
      if (causes.some(({ reason: why }) => why === "NamespaceTerminating"))
        return of("conflict", "namespace_terminating", ["try again when it is gone: kubectl get namespaces"]);
      return of("forbidden", "cluster_forbidden", ["ask for that right, or use another context"]);
    case 404:
      return of("not_found", "cluster_not_found");
    case 409:
      return of(reason === "AlreadyExists" ? "already_exists" : "conflict", "cluster_conflict");
    case 410:
      return of("conflict", "cluster_gone");
    case 400:
    case 413:
    case 415:
    case 422:
      return of("refused", "cluster_invalid");
    case 429:
      return of("unavailable", "cluster_busy", ["try again in a minute"]);
    default:
      // An apply that holds an unknown field: 500, and no reason.
      if (code === 500 && reason === "" && message !== "") return of("refused", "cluster_invalid");
      return of("unavailable", "cluster_failed", ["how it is: kubectl get --raw /readyz?verbose"]);
  }
}

const admissionStep = "as it says; or ask whoever set that policy up. Nothing was changed by this request";

/** A policy of the cluster, not a right that is missing: its own words say what it wants. */
function isOfAdmission(message: string): boolean {
  return /(admission webhook .*|ValidatingAdmissionPolicy .*) denied (the )?request/.test(message);
}

function quotaSteps({ context }: ClusterAddress): string[] {
  return [
    `what is used: kubectl --context ${context} describe resourcequota`,
    "or set `limits:` of the target",
  ];
}

function unauthenticated({ doing, address, cause }: At): AgentFlowError {
  const { context, server, tokens } = address;
  return new AgentFlowError("unauthenticated", `${doing}: ${server} does not know who is asking`, {
    reason: "cluster_unauthenticated",
    details: { context, server },
    suggestions:
      tokens === undefined
        ? [`the token or certificate of context ${context} has expired or is wrong: log in anew`]
        : [`tokens of context ${context} come from \`${tokens}\`: log in there, then try again`],
    cause,
  });
}

/** The command that gives tokens did not. */
export function noToken(error: unknown, address: ClusterAddress): AgentFlowError {
  if (AgentFlowError.is(error)) return error;
  const { context, tokens, files } = address;
  const who = tokens === undefined ? `the login of context ${context}` : `\`${tokens}\``;
  const missing = codeOf(error) === "ENOENT";
  // What it printed is perhaps the token itself, and a parser quotes what it met.
  const isGarbled = error instanceof SyntaxError || error instanceof TypeError;
  const last = error instanceof Error ? (error.message.trim().split("\n").at(-1) ?? "") : "";
  const said = isGarbled ? "what it prints is no ExecCredential" : last.slice(0, 500);
  return new AgentFlowError(
    "unauthenticated",
    missing ? `${who}, which context ${context} wants, is not there` : `${who} gave no token: ${said}`,
    {
      reason: "cluster_login_failed",
      details: { context, files },
      suggestions: [
        missing ? `install it, or change the user in ${files.join(", ")}` : "run it by hand, log in",
      ],
      ...(isGarbled ? {} : { cause: error }),
    },
  );
}

function silent({ doing, address, cause }: At): AgentFlowError {
  return new AgentFlowError("unavailable", `${doing}: no answer in time from ${address.server}`, {
    reason: "cluster_silent",
    details: { context: address.context, server: address.server },
    suggestions: ["is a VPN needed?", `how it is: kubectl --context ${address.context} get --raw /readyz`],
    cause,
  });
}

function stopped({ doing, cause }: At): AgentFlowError {
  return new AgentFlowError("refused", `${doing}: stopped before it was done`, {
    reason: "interrupted",
    cause,
  });
}

function unreachable(code: string, { doing, address, cause }: At): AgentFlowError {
  const { context, server, files } = address;
  const own = `${context} of ${files.join(", ") || "the pod it runs in"}`;
  return new AgentFlowError("unavailable", `${doing}: nobody answers at ${server} (${code})`, {
    reason: "cluster_unreachable",
    details: { context, server, code },
    suggestions: [
      "is it up, and is a VPN needed?",
      `this is context ${own}; \`context:\` of a target names another`,
    ],
    cause,
  });
}

function ofTls(code: string, { doing, address, cause }: At): AgentFlowError {
  const { server, context } = address;
  const plain = code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG";
  const refused = code.includes("ALERT");
  const message = plain
    ? `${server} does not speak TLS`
    : refused
      ? `${server} does not take the certificate that af shows it`
      : `${server} is not who it should be (${code})`;
  return new AgentFlowError(refused ? "forbidden" : "unavailable", `${doing}: ${message}`, {
    reason: "cluster_certificate",
    details: { context, server, code },
    suggestions: [
      `check certificate-authority-data and the address of context ${context}: kubectl config view`,
    ],
    cause,
  });
}

const connectionCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EPIPE",
  "ENETDOWN",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_CLOSED",
]);

function isOfConnection(code: string): boolean {
  return connectionCodes.has(code) || code.startsWith("HPE_") || code.startsWith("UND_ERR_PRX");
}

function isOfTls(code: string): boolean {
  return /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|DEPTH_|UNABLE_TO_|SELF_SIGNED)/.test(code);
}

function answerOf(error: unknown): { readonly code: number; readonly body: unknown } | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("body" in error)) return undefined;
  return typeof error.code === "number" ? { code: error.code, body: error.body } : undefined;
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  return error.name === "TypeError" && error.cause !== undefined ? nameOf(error.cause) : error.name;
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if ("code" in error && typeof error.code === "string") return error.code;
  return error.cause === undefined ? undefined : codeOf(error.cause);
}
