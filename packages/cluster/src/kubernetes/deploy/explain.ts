/** Why a part does not become ready: the object's events and the last lines of its container. */
import { AgentFlowError, type ErrorCode, type JsonObject } from "@agentflow/protocol";
import type { Access } from "./access.ts";
import type { Health } from "./health.ts";
import { containerStatuses, eventCount, type Judging, newEvents } from "./marks.ts";
import { at, nameOf, numberAt, textAt, titleOf } from "./reading.ts";
import { makersOf, podsOf, type Seen } from "./seen.ts";

type Failed = Extract<Health, { readonly state: "failed" }>;

const lineCount = 20;
const eventCountMax = 8;
const bytesMax = 256 * 1_024;
const charsMax = 2_000;

const codes: Readonly<Record<string, ErrorCode>> = { quota_exceeded: "refused", pod_security: "refused" };

/** Its details hold `events`, `lines`, and whose lines they are in `container`. */
export async function failureOf(
  failed: Failed,
  of: { readonly access: Access; readonly seen: Seen; readonly judging: Judging },
): Promise<AgentFlowError> {
  const { access, seen, judging } = of;
  const { workload: title, reason, message } = failed;
  const workload = seen.workloads.find((one) => titleOf(one) === title);
  const pod =
    seen.pods.find((one) => nameOf(one) === failed.pod) ??
    (workload === undefined ? undefined : podsOf(workload, seen).at(-1));
  const container = failed.container ?? containerNames(pod)[0];
  const about = [
    ...(workload === undefined ? [] : makersOf(workload, seen)),
    ...(pod === undefined ? [] : [pod]),
  ];
  const events = about
    .flatMap((one) => newEvents(one, seen, judging.before))
    .map((event) => {
      const times = eventCount(event) === 1 ? "" : ` (${eventCount(event)} times)`;
      return `${textAt(event, "reason")}: ${textAt(event, "message").slice(0, charsMax)}${times}`;
    });
  const name = pod === undefined ? "" : nameOf(pod);
  const logs =
    name === "" ? { lines: [], isPrevious: false } : await lastLines(access, { pod: name, container });
  const { context } = access.cluster.address;
  const kubectl = `kubectl --context ${context} -n ${access.namespace}`;
  const described = name === "" ? title : `pod/${name}`;
  return new AgentFlowError(
    codes[reason] ?? "unavailable",
    `${title} does not get ready: ${said(reason)}${message}`,
    {
      reason,
      details: {
        object: title,
        namespace: access.namespace,
        context,
        events: [...new Set(events)].slice(-eventCountMax),
        lines: logs.lines,
        ...(name === "" ? {} : { pod: name }),
        ...exitCodeOf(pod, container),
        ...(container === undefined
          ? {}
          : { container: `${container} of ${name}${logs.isPrevious ? ", before it was restarted" : ""}` }),
      },
      suggestions: [
        reason === "rollout_held_up"
          ? `the cluster never replaces it by itself; its volume stays: ${kubectl} delete pod ${name}`
          : next(reason),
        `look: ${kubectl} describe ${described}`,
      ],
    },
  );
}

function exitCodeOf(
  pod: JsonObject | undefined,
  container: string | undefined,
): { readonly exitCode?: number } {
  const status =
    pod === undefined ? undefined : containerStatuses(pod).find((one) => textAt(one, "name") === container);
  const code = at(status, "state", "terminated", "exitCode");
  return typeof code === "number" ? { exitCode: code } : {};
}

function containerNames(pod: JsonObject | undefined): readonly string[] {
  if (pod === undefined) return [];
  const all = containerStatuses(pod);
  const bad = all.filter((one) => one["ready"] !== true);
  return (bad.length > 0 ? bad : all).map((one) => textAt(one, "name")).filter((name) => name !== "");
}

/** Of the one before when the present one has nothing to say. */
async function lastLines(
  access: Access,
  { pod, container }: { readonly pod: string; readonly container: string | undefined },
): Promise<{ readonly lines: readonly string[]; readonly isPrevious: boolean }> {
  const found = await access.get({ apiVersion: "v1", kind: "Pod", name: pod }).catch(() => undefined);
  const status =
    found === undefined
      ? undefined
      : containerStatuses(found).find((one) => textAt(one, "name") === container);
  const restarted = numberAt(status, "restartCount") > 0;
  const now = await readLines(access, { pod, container, previous: false });
  if (now.length > 0 || !restarted) return { lines: now, isPrevious: false };
  return { lines: await readLines(access, { pod, container, previous: true }), isPrevious: true };
}

async function readLines(
  access: Access,
  of: { readonly pod: string; readonly container: string | undefined; readonly previous: boolean },
): Promise<readonly string[]> {
  const { pod, container, previous } = of;
  const [within, name] = [access.namespace, pod].map(encodeURIComponent);
  const path = `/api/v1/namespaces/${within}/pods/${name}/log`;
  try {
    const text = await access.cluster.send(`reading the log of ${pod}`, {
      method: "GET",
      path,
      query: {
        tailLines: String(lineCount),
        // A single line may be as long as its container likes.
        limitBytes: String(bytesMax),
        ...(container === undefined ? {} : { container }),
        ...(previous ? { previous: "true" } : {}),
      },
      isText: true,
    });
    if (typeof text !== "string") return [];
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.map((line) => (line.length > charsMax ? `${line.slice(0, charsMax)}…` : line));
  } catch {
    // A container that never started has none; the failure itself is what is told.
    return [];
  }
}

function said(reason: string): string {
  const words: Readonly<Record<string, string>> = {
    image_pull: "its image cannot be pulled: ",
    crash_loop: "its container ",
    unschedulable: "no node takes its pod: ",
    container_config: "its container cannot be set up: ",
    container_start: "its container cannot be started: ",
    volume_mount: "a volume cannot be mounted: ",
    probe_failing: "",
    quota_exceeded: "the namespace's quota is used up: ",
    pod_security: "the namespace forbids its pods: ",
  };
  return words[reason] ?? "";
}

function next(reason: string): string {
  switch (reason) {
    case "image_pull":
      return "can the nodes reach that registry, and do they have its secret (pullSecrets of the target)?";
    case "unschedulable":
      return "fewer or smaller copies (workers, limits of the target), or more nodes";
    case "quota_exceeded":
      return "fewer or smaller copies (workers, limits of the target), or a larger quota";
    case "crash_loop":
    case "job_failed":
      return "mend it and deploy again, or go back: af deploy rollback";
    default:
      return "when it is mended: af deploy";
  }
}
