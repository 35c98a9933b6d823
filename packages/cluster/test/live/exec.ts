/** Runs a program in a container, through the API server. */
import type { Cluster } from "@agentflow/cluster/kubernetes";
import { PassThrough } from "node:stream";

export interface RunningIn {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** Answers what it printed; throws what it said when it did not end well. */
export async function runIn(cluster: Cluster, of: RunningIn, command: readonly string[]): Promise<string> {
  const { Exec } = await import("@kubernetes/client-node");
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = [textOf(stdout), textOf(stderr)] as const;
  const { namespace, pod, container } = of;
  await new Promise<void>((resolve, reject) => {
    new Exec(cluster.config)
      .exec(namespace, pod, container, [...command], stdout, stderr, null, false, ({ status, message }) => {
        if (status === "Success") resolve();
        else reject(new Error(`${command.join(" ")} in ${pod}: ${message ?? ""} ${said[1]()}`));
      })
      .catch(reject);
  });
  return said[0]();
}

function textOf(stream: PassThrough): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return () => text;
}
