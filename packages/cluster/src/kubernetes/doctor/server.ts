/** Whether the cluster answers, who we are to it, and whether it is of a version that we know. */
import { AgentFlowError } from "@agentflow/protocol";
import { bad, type EngineCheck, good, note } from "../../docker/doctor/check.ts";
import type { Cluster } from "../cluster.ts";
import { listAt, textAt } from "../deploy/reading.ts";
import type { ExaminedClusterTarget } from "./target.ts";

/** The first with all that our pods ask for (a sleep before the end), and the newest that was tried. */
const supported = { oldest: 30, newest: 36 } as const;

export async function serverChecks(
  cluster: Cluster,
  target: ExaminedClusterTarget,
): Promise<{ readonly checks: EngineCheck[]; readonly answers: boolean }> {
  const { context, server, files, tokens } = cluster.address;
  const from = files.length === 0 ? "the pod it runs in" : files.join(", ");
  const place = `context ${context} of ${from} leads to ${server}, namespace ${target.settings.namespace}`;
  const checks = [good("kubeconfig", place)];
  try {
    const version = textAt(
      await cluster.send("asking for the version", { method: "GET", path: "/version" }),
      "gitVersion",
    );
    checks.push(versionCheck(version), await userCheck(cluster, tokens));
    return { checks, answers: true };
  } catch (error) {
    const { message, suggestions } = AgentFlowError.from(error, "asking the cluster");
    checks.push(bad("server", message, suggestions.join("; ")));
    return { checks, answers: false };
  }
}

function versionCheck(version: string): EngineCheck {
  const [, major = "", minor = ""] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  const fact = `Kubernetes ${version} answers`;
  const range = `1.${supported.oldest} to 1.${supported.newest}`;
  if (major === "") return note("server", `${fact}; its version cannot be read`, `known to work: ${range}`);
  const isOld = Number(major) < 1 || (major === "1" && Number(minor) < supported.oldest);
  if (isOld) return bad("server", `${fact}, and is too old`, `update it: ${range} are supported`);
  if (Number(minor) > supported.newest)
    return note("server", `${fact}, newer than what was tried (${range})`);
  return good("server", `${fact}, one of those supported (${range})`);
}

/** The server says whom it takes us for: so the login is proved, by a plugin or without one. */
async function userCheck(cluster: Cluster, tokens: string | undefined): Promise<EngineCheck> {
  const by = tokens === undefined ? "by the kubeconfig" : `by a token of \`${tokens}\``;
  try {
    const answer = await cluster.send("asking who we are", {
      method: "POST",
      path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
      body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
    });
    const name = textAt(answer, "status", "userInfo", "username");
    const groups = listAt(answer, "status", "userInfo", "groups").flatMap((one) =>
      typeof one === "string" && one !== "system:authenticated" ? [one] : [],
    );
    return good(
      "login",
      `the cluster knows you as ${name}, ${by}${groups.length === 0 ? "" : ` (${groups.join(", ")})`}`,
    );
  } catch (error) {
    if (!AgentFlowError.is(error) || error.code === "unauthenticated") throw error;
    return good("login", `the cluster takes who you are, ${by}; it does not say your name`);
  }
}
