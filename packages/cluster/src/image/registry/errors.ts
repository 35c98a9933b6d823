/** What a registry says against an image, as an error that says what, where and what next. */
import { AgentFlowError } from "@agentflow/protocol";
import { type Engine, fromEngine } from "../../docker/engine/index.ts";

export interface Refused {
  readonly engine: Pick<Engine, "address">;
  /** With the registry. */
  readonly reference: string;
  readonly host: string;
  /** Whether a login was found, and where it was looked for. */
  readonly hasLogin: boolean;
  readonly from: string;
  /** What a registry was told and must not come back in its words. */
  readonly hides?: readonly string[];
}

type Judge = (at: Refused, said: string, cause: unknown) => AgentFlowError | undefined;

export function fromRegistry(error: unknown, at: Refused): AgentFlowError {
  if (AgentFlowError.is(error)) return error;
  hide(error, at.hides ?? []);
  const doing = `pushing ${at.reference}`;
  const known = fromEngine(error, doing, at.engine.address);
  if (["interrupted", "engine_unreachable"].includes(known.reason)) return known;
  const said = wordsOf(error);
  for (const judge of [insecure, certificate, tooBig, denied, unknownName, unreachable]) {
    const judged = judge(at, said, error);
    if (judged !== undefined) return judged;
  }
  return new AgentFlowError("unavailable", `${doing}: ${said}`, {
    reason: "registry_failed",
    details: detailsOf(at),
    suggestions: [
      `try it by hand: docker push ${at.reference}`,
      "what the engine writes: journalctl -u docker",
    ],
    cause: error,
  });
}

/** Some put what they were sent into what they answer. */
function hide(error: unknown, secrets: readonly string[]): void {
  if (!(error instanceof Error)) return;
  for (const secret of secrets)
    if (secret !== "") error.message = error.message.replaceAll(secret, "(hidden)");
}

/** Whether nobody is there who could take an image: to go on would only repeat it. */
export function isUnreachable(error: AgentFlowError): boolean {
  const reasons = ["registry_unreachable", "registry_insecure", "registry_certificate", "engine_unreachable"];
  return [...reasons, "interrupted"].includes(error.reason);
}

const insecure: Judge = ({ host, ...at }, said, cause) => {
  if (!/HTTP response to HTTPS client/i.test(said)) return undefined;
  return new AgentFlowError("unavailable", `the registry ${host} speaks http, and the engine wants TLS`, {
    reason: "registry_insecure",
    details: detailsOf({ host, ...at }),
    suggestions: [
      "give the registry a certificate",
      `or let engine and nodes take it: "insecure-registries": ["${host}"] in /etc/docker/daemon.json`,
    ],
    cause,
  });
};

const certificate: Judge = (at, said, cause) => {
  if (!/x509|certificate|tls: /i.test(said)) return undefined;
  return new AgentFlowError(
    "unavailable",
    `the engine does not take the certificate of the registry ${at.host}: ${said}`,
    {
      reason: "registry_certificate",
      details: detailsOf(at),
      suggestions: [
        `put its CA where the engine looks: /etc/docker/certs.d/${at.host}/ca.crt`,
        "the nodes need it too: they pull from there",
      ],
      cause,
    },
  );
};

const tooBig: Judge = (at, said, cause) => {
  if (!/no space left|quota|insufficient storage|status:? (507|413)|too large/i.test(said)) return undefined;
  return new AgentFlowError(
    "unavailable",
    `the registry ${at.host} has no room for ${at.reference}: ${said}`,
    {
      reason: "registry_full",
      details: detailsOf(at),
      suggestions: ["remove old tags there, or give it more room; then the same command again"],
      cause,
    },
  );
};

const denied: Judge = (at, said, cause) => {
  const { host, hasLogin, from, reference } = at;
  if (!/denied|unauthorized|authentication required|no basic auth|forbidden|\b40[13]\b/i.test(said))
    return undefined;
  if (!hasLogin) {
    return new AgentFlowError(
      "unauthenticated",
      `the registry ${host} asks who you are: no login in ${from}`,
      {
        reason: "registry_no_login",
        details: detailsOf(at),
        suggestions: [`docker login ${host}`],
        cause,
      },
    );
  }
  const isWho = /unauthorized|authentication required|no basic auth|\b401\b/i.test(said);
  const what = isWho ? "does not take the login" : `lets nobody push ${reference} with the login`;
  return new AgentFlowError(
    isWho ? "unauthenticated" : "forbidden",
    `the registry ${host} ${what} of ${from}`,
    {
      reason: "registry_denied",
      details: { ...detailsOf(at), said },
      suggestions: [`docker login ${host}`, "may this account push there? does the repository exist?"],
      cause,
    },
  );
};

const unknownName: Judge = (at, said, cause) => {
  if (!/name unknown|does not exist|repository .*not found|name invalid|invalid reference/i.test(said))
    return undefined;
  return new AgentFlowError(
    "not_found",
    `the registry ${at.host} has no repository for ${at.reference}: ${said}`,
    {
      reason: "registry_name_unknown",
      details: detailsOf(at),
      suggestions: [
        "make the repository there: some registries want that first",
        "or name another: `registry` of the target in agentflow.yaml",
      ],
      cause,
    },
  );
};

const unreachable: Judge = (at, said, cause) => {
  const isNetwork =
    /dial tcp|lookup |no such host|timeout|timed out|connection re(fused|set)|unreachable|proxyconnect|EOF/i;
  if (!isNetwork.test(said)) return undefined;
  return new AgentFlowError("unavailable", `the engine does not reach the registry ${at.host}: ${said}`, {
    reason: "registry_unreachable",
    details: { ...detailsOf(at), engine: at.engine.address.host },
    suggestions: [
      "it is the engine that pushes: does its machine reach the registry, perhaps through a proxy?",
      "is it the right one: `registry` of the target in agentflow.yaml",
    ],
    cause,
  });
};

function detailsOf({ reference, host }: Refused): { readonly image: string; readonly registry: string } {
  return { image: reference, registry: host };
}

/** Without what the client and the engine put around the registry's words. */
function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .replace(/^\(HTTP code \d+\) [^-]*- /, "")
    .replace(/^(Error: |Error response from daemon: |errors:\s*)+/i, "")
    .trim()
    .slice(0, 500);
}
