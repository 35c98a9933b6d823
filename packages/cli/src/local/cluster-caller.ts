/** Requests to the API server of the cluster in whose pod this process runs, as that pod. */
import { AgentFlowError } from "@agentflow/protocol";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseStatusMessage } from "./parse-secret.ts";

export interface ClusterOfPod {
  /** `https://10.0.0.1:443`. */
  readonly server: string;
  readonly namespace: string;
  readonly token: string;
  /** Certificates of who may have signed the server's, PEM. */
  readonly ca: string;
}

const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Refuses outside of a pod, and in one without a token. */
export function clusterOfPod(
  environment: { readonly [name: string]: string | undefined },
  folder = accountFolder,
): ClusterOfPod {
  const host = environment["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = environment["KUBERNETES_SERVICE_PORT"] ?? "443";
  if (host === "") throw notInPod("no cluster has told this process its address (KUBERNETES_SERVICE_HOST)");
  try {
    const [token, ca, namespace] = ["token", "ca.crt", "namespace"].map((name) =>
      readFileSync(path.join(folder, name), "utf8").trim(),
    );
    const shown = host.includes(":") ? `[${host}]` : host;
    return {
      server: `https://${shown}:${port}`,
      token: token ?? "",
      ca: ca ?? "",
      namespace: namespace ?? "",
    };
  } catch (cause) {
    throw notInPod("the pod has no service account's token", cause);
  }
}

function notInPod(why: string, cause?: unknown): AgentFlowError {
  return new AgentFlowError("invalid_input", `--secrets is for a pod of a cluster: ${why}`, {
    reason: "not_in_a_pod",
    suggestions: ["leave --secrets out: then the folder is filled", "automountServiceAccountToken: true"],
    ...(cause === undefined ? {} : { cause }),
  });
}

export interface Asking {
  readonly body?: object;
  /** Answers that are none of a fault. */
  readonly accept: readonly number[];
}

export interface Answered {
  readonly status: number;
  readonly body: string;
}

type Method = "GET" | "POST" | "PUT";

export type ClusterCaller = (method: Method, of: string, asking: Asking) => Promise<Answered>;

const timeoutMs = 10_000;
const tries = 5;

/** `secrets/x` of the pod's namespace. A server that is away or busy is asked again. */
export function clusterCaller(cluster: ClusterOfPod): ClusterCaller {
  return async (method, of, asking) => {
    for (let n = 1; ; n++) {
      const sent = ask(cluster, { method, of, body: asking.body });
      const answered = await sent.catch((error: unknown) => {
        if (n === tries || !isPassing(error)) throw unreachable(cluster, error);
        return undefined;
      });
      if (answered !== undefined && asking.accept.includes(answered.status)) return answered;
      const isBusy = answered === undefined || answered.status === 429 || answered.status >= 500;
      if (!isBusy || n === tries) throw refused(`${method} ${of}`, answered);
      await pause(125 * 2 ** n);
    }
  };
}

/** A server that cannot show who it is will not be able to a moment later. */
function isPassing(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return !/CERT|SIGNATURE|TLS/.test(code);
}

interface Sent {
  readonly method: Method;
  readonly of: string;
  readonly body: object | undefined;
}

function ask({ server, namespace, token, ca }: ClusterOfPod, { method, of, body }: Sent): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const sent = request(
      new URL(`/api/v1/namespaces/${encodeURIComponent(namespace)}/${of}`, server),
      {
        method,
        ca,
        agent: false,
        timeout: timeoutMs,
        headers: {
          accept: "application/json",
          authorization: `Bearer ${token}`,
          ...(text === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
        });
      },
    );
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`)));
    sent.on("error", reject);
    sent.end(text);
  });
}

function unreachable({ server }: ClusterOfPod, cause: unknown): AgentFlowError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new AgentFlowError("unavailable", `the API server at ${server} does not answer: ${why}`, {
    reason: "cluster_unreachable",
    suggestions: ["a NetworkPolicy of the namespace may keep the pod from it"],
    cause,
  });
}

function refused(what: string, answered: Answered | undefined): AgentFlowError {
  const { status = 0, body = "" } = answered ?? {};
  const said = parseStatusMessage(body) ?? `status ${status}`;
  if (status === 401 || status === 403) {
    return new AgentFlowError(status === 401 ? "unauthenticated" : "forbidden", `${what}: ${said}`, {
      reason: "cluster_forbids",
      suggestions: ["the Role of the service account must allow create, get and update of these Secrets"],
    });
  }
  return new AgentFlowError(status >= 500 ? "unavailable" : "refused", `${what}: ${said}`, {
    reason: "cluster_refused",
  });
}
