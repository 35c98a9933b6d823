/** What an engine says when it cannot, as an error that says what, where and what next. */
import { AgentFlowError, type ErrorCode } from "@agentflow/protocol";
import type { EngineAddress } from "./address.ts";

/** `doing` is what was asked for, as in `starting nats-1`. */
export function fromEngine(error: unknown, doing: string, address: EngineAddress): AgentFlowError {
  if (AgentFlowError.is(error)) return error;
  const at: At = { doing, address, text: textOf(error), cause: error };
  if (isAbort(error)) {
    return new AgentFlowError("refused", `${doing}: stopped before it was done`, {
      reason: "interrupted",
      cause: error,
    });
  }
  const known = ofConnection(codeOf(error), at) ?? ofText(at) ?? ofStatus(statusOf(error), at);
  return known ?? engineFailed(at);
}

/** It answered and says that it cannot: none of what we know, so its own words and its own log. */
function engineFailed({ doing, text, address, cause }: At): AgentFlowError {
  return new AgentFlowError("unavailable", `${doing}: ${text}`, {
    reason: "engine_failed",
    details: { host: address.host, from: address.from },
    suggestions: ["what the engine writes: journalctl -u docker (or -u podman)", "af doctor"],
    cause,
  });
}

/** The HTTP status of the engine's answer; nothing when there was none. */
export function statusOf(error: unknown): number | undefined {
  if (AgentFlowError.is(error)) return statusOf(error.cause);
  if (!(error instanceof Error) || !("statusCode" in error)) return undefined;
  return typeof error.statusCode === "number" ? error.statusCode : undefined;
}

interface At {
  readonly doing: string;
  readonly address: EngineAddress;
  readonly text: string;
  readonly cause: unknown;
}

const unreachable = new Set([
  "ENOENT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "ENOTSOCK",
  "EPIPE",
]);

function ofConnection(code: string | undefined, at: At): AgentFlowError | undefined {
  if (code === undefined) return undefined;
  if (code.startsWith("HPE_")) return noEngine(at.address, at.cause);
  if (code === "EACCES" || code === "EPERM") return forbidden(at);
  if (unreachable.has(code)) return engineUnreachable(at.address, at.cause, code);
  return ofCertificates(code, at);
}

function ofCertificates(code: string, { address, text, cause }: At): AgentFlowError | undefined {
  const { host, from } = address;
  const wrong = (code: ErrorCode, message: string): AgentFlowError =>
    new AgentFlowError(code, message, {
      reason: "engine_certificate",
      details: { host, from },
      suggestions: ["check ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH or the Docker context"],
      cause,
    });
  if (code.startsWith("ERR_OSSL")) {
    return wrong("invalid_input", `the certificates for the engine at ${host} cannot be read: ${text}`);
  }
  if (/^ERR_SSL_.*ALERT/.test(code)) {
    return wrong("forbidden", `the engine at ${host} does not take the certificate that af shows it`);
  }
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_|UNABLE_TO_|SELF_SIGNED)/.test(code)) {
    const [said = ""] = text.split(";");
    return wrong("unavailable", `the engine at ${host} is not who it should be: ${said}`);
  }
  return undefined;
}

function forbidden({ address, cause }: At): AgentFlowError {
  const path = address.host.replace(/^unix:\/\//, "");
  return new AgentFlowError("forbidden", `no permission on ${path} (${address.from})`, {
    reason: "engine_forbidden",
    details: { host: address.host, from: address.from },
    suggestions: [
      'join its group, then log in again: sudo usermod -aG docker "$USER"',
      "or use a rootless engine: https://docs.docker.com/go/rootless/",
    ],
    cause,
  });
}

/** Nobody answers there; says where it looked and what starts an engine. */
export function engineUnreachable(address: EngineAddress, cause: unknown, code?: string): AgentFlowError {
  const { host, from, looked = [] } = address;
  const said = host.startsWith("ssh:") && cause instanceof Error ? `: ${cause.message}` : "";
  const where = looked.length > 0 ? `looked for ${looked.join(", ")}` : `${host}, said by ${from}${said}`;
  return new AgentFlowError("unavailable", `no Docker engine answers (${where})`, {
    reason: "engine_unreachable",
    details: { host, from, looked, ...(code === undefined ? {} : { code }) },
    suggestions: [
      host.startsWith("unix:")
        ? "start it: sudo systemctl start docker (or Docker Desktop)"
        : `is it up: ${host}`,
      "or name another: DOCKER_HOST, docker context use, `host` of the target in agentflow.yaml",
      "af doctor",
    ],
    cause,
  });
}

/** Somebody answers there, in another language. */
export function noEngine(address: EngineAddress, cause?: unknown): AgentFlowError {
  const { host, from } = address;
  return new AgentFlowError("unavailable", `what answers at ${host} (${from}) is no Docker engine`, {
    reason: "engine_unreachable",
    details: { host, from },
    suggestions: [
      "name the engine: DOCKER_HOST, docker context use, `host` of the target in agentflow.yaml",
      ...(/^(tcp|http):/.test(host)
        ? ["an engine with TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH"]
        : []),
      "af doctor",
    ],
    cause,
  });
}

function ofText({ doing, text, address, cause }: At): AgentFlowError | undefined {
  if (/no space left on device/i.test(text)) {
    return new AgentFlowError("unavailable", `${doing}: the engine's disk is full`, {
      reason: "disk_full",
      details: { engine: text },
      suggestions: ["what takes the room: docker system df", "remove what nobody uses: docker system prune"],
      cause,
    });
  }
  if (/port is already allocated|address already in use|ports are not available/i.test(text)) {
    return portTaken(doing, text, cause);
  }
  if (/HTTP request to an HTTPS server/i.test(text)) return noEngine(address, cause);
  // Names of networks are not unique: two that make one at the same time leave two.
  if (/is ambiguous/i.test(text)) {
    return new AgentFlowError("conflict", `${doing}: ${text}`, { reason: "changed_meanwhile", cause });
  }
  if (/no such image|image not known|pull access denied|manifest unknown/i.test(text)) {
    return new AgentFlowError("not_found", `${doing}: the engine has no such image: ${text}`, {
      reason: "image_missing",
      suggestions: ["build it: af up --build", "what there is: docker images"],
      cause,
    });
  }
  return undefined;
}

function portTaken(doing: string, text: string, cause: unknown): AgentFlowError {
  const port = /:(\d+)(?:\/tcp)?(?::? |$)/.exec(text)?.[1];
  return new AgentFlowError(
    "conflict",
    `${doing}: port ${port ?? "of the API"} is taken on the engine's machine`,
    {
      reason: "port_taken",
      details: { engine: text, ...(port === undefined ? {} : { port: Number(port) }) },
      suggestions: [
        "take another: `api: {port: …}` of the target in agentflow.yaml",
        ...(port === undefined
          ? []
          : [`who holds it: docker ps --filter publish=${port}; ss -ltnp 'sport = :${port}'`]),
      ],
      cause,
    },
  );
}

function ofStatus(status: number | undefined, at: At): AgentFlowError | undefined {
  const { doing, text, cause } = at;
  if (status === 409)
    return new AgentFlowError("conflict", `${doing}: ${text}`, { reason: "conflict", cause });
  if (status === 404)
    return new AgentFlowError("not_found", `${doing}: ${text}`, { reason: "engine_not_found", cause });
  if (status === 400)
    return new AgentFlowError("refused", `${doing}: ${text}`, { reason: "engine_refused", cause });
  if (status === 401 || status === 403) {
    return new AgentFlowError("forbidden", `${doing}: ${text}`, { reason: "engine_forbidden", cause });
  }
  return undefined;
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return error.cause === undefined ? undefined : codeOf(error.cause);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || codeOf(error) === "ABORT_ERR");
}

/** The engine's own words, without what the client puts around them. */
function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^\(HTTP code \d+\) [^-]*- /, "").trim();
}
