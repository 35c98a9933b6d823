/** Logs of pods, with all their parameters and refusals. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { PodCall } from "../api/pod-doors.ts";
import { badRequest, type Cause, invalid } from "../api/status.ts";
import type { LogQuery, Nodes } from "../pods.ts";
import type { Pod } from "../world/parse-kinds.ts";
import { containerOf, podOf, statusOfContainer } from "./pod-checks.ts";

export async function answerLog(nodes: Nodes, call: PodCall, response: ServerResponse): Promise<void> {
  const pod = podOf(call);
  const query = queryOf(call);
  const container = containerOf(pod, call.query.get("container"));
  if (pod.spec.nodeName === undefined) {
    response.writeHead(204);
    response.end();
    return;
  }
  checkThere(pod, container, query.previous);
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  response.writeHead(200, { "content-type": "text/plain", "cache-control": "no-cache, private" });
  response.flushHeaders();
  const of = { namespace: call.namespace, pod: call.name, container };
  for await (const chunk of nodes.logs(of, query, gone.signal)) {
    if (gone.signal.aborted) break;
    // A reader that is slow is waited for: one that has gone, not.
    if (!response.write(chunk)) await Promise.race([once(response, "drain"), once(response, "close")]);
  }
  response.end();
}

function queryOf(call: PodCall): LogQuery {
  const { query, name } = call;
  const count = (of: string) => (query.has(of) ? Number(query.get(of)) : undefined);
  const flag = (of: string) => ["true", "1"].includes(query.get(of) ?? "");
  const tailLines = count("tailLines");
  const limitBytes = count("limitBytes");
  const sinceSeconds = count("sinceSeconds");
  const sinceTime = query.get("sinceTime") ?? undefined;
  const sinceMs = sinceTime === undefined ? undefined : timeOf(sinceTime);
  const faults = faultsOf({ tailLines, sinceSeconds, limitBytes, stream: query.get("stream") ?? undefined });
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    const message = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified";
    faults.push({ reason: "FieldValueForbidden", message, field: "[]" });
  }
  if (faults.length > 0) throw invalid({ group: "", kind: "PodLogOptions" }, name, faults);
  const since = sinceSeconds === undefined ? sinceMs : Date.now() - sinceSeconds * 1000;
  return {
    follow: flag("follow"),
    previous: flag("previous"),
    timestamps: flag("timestamps"),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(since !== undefined && { sinceMs: since }),
  };
}

interface Numbers {
  readonly tailLines: number | undefined;
  readonly sinceSeconds: number | undefined;
  readonly limitBytes: number | undefined;
  readonly stream: string | undefined;
}

function faultsOf({ tailLines, sinceSeconds, limitBytes, stream }: Numbers): Cause[] {
  const faults: Cause[] = [];
  const low = (field: string, value: number | undefined, least: number) => {
    if (value === undefined || value >= least) return;
    const limit = least === 0 ? "must be greater than or equal to 0" : "must be greater than 0";
    faults.push({ reason: "FieldValueInvalid", message: `Invalid value: ${value}: ${limit}`, field });
  };
  low("tailLines", tailLines, 0);
  low("limitBytes", limitBytes, 1);
  low("sinceSeconds", sinceSeconds, 1);
  if (stream !== undefined && stream !== "All") {
    faults.push({
      reason: "FieldValueForbidden",
      message: "Forbidden: may not be specified",
      field: "stream",
    });
  }
  return faults;
}

function timeOf(text: string): number {
  const layout = "2006-01-02T15:04:05Z07:00";
  const time = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw badRequest(`parsing time "${text}" as "${layout}": cannot parse "${text}" as "2006"`);
  }
  return time;
}

const pullReasons = ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"];
const pullWords: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: "trying and failing to pull image",
};

function checkThere(pod: Pod, container: string, previous: boolean): void {
  const status = statusOfContainer(pod, container);
  const { name } = pod.metadata;
  if (previous) {
    if (status?.lastState.terminated !== undefined) return;
    throw badRequest(`previous terminated container "${container}" in pod "${name}" not found`);
  }
  const waiting = status === undefined ? { reason: "ContainerCreating" } : status.state.waiting;
  const ran = status?.lastState.terminated !== undefined;
  if (waiting === undefined || ran) return;
  const why = pullReasons.includes(waiting.reason)
    ? (pullWords[waiting.reason] ?? waiting.reason)
    : waiting.reason;
  throw badRequest(`container "${container}" in pod "${name}" is waiting to start: ${why}`);
}
