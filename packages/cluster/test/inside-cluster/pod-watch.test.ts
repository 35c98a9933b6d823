/** Following pods while logins come and go: against the API server for tests. */
import { startTestCluster } from "@agentflow/test-cluster";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { openCluster } from "../../src/kubernetes/client/index.ts";
import { watchPods } from "../../src/kubernetes/inside/pod-watch.ts";
import { kubernetesLabels as labels } from "../../src/kubernetes/labels.ts";

test("a login that fails between two questions ends nothing: pods are followed all the same", async () => {
  const server = await startTestCluster();
  const folder = mkdtempSync(join(tmpdir(), "af-watch-"));
  // Asked anew each time; every second time it has nothing to give.
  const [plugin, count] = [join(folder, "plugin"), join(folder, "count")];
  const status = { token: server.adminToken, expirationTimestamp: "2020-01-01T00:00:00Z" };
  const credential = { apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status };
  writeFileSync(count, "");
  writeFileSync(
    plugin,
    `#!/bin/sh
printf x >> ${count}
test $(( $(wc -c < ${count}) % 2 )) = 1 || { echo "log in again" >&2; exit 1; }
printf '%s' '${JSON.stringify(credential)}'
`,
  );
  chmodSync(plugin, 0o700);
  const config = parse(readFileSync(server.kubeconfig, "utf8"));
  const exec = { apiVersion: credential.apiVersion, command: plugin, interactiveMode: "Never" };
  config.users[0].user = { exec };
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, stringify(config));
  const cluster = await openCluster({ environment: {}, kubeconfig });
  const stop = new AbortController();
  const seen: string[] = [];
  const watching = watchPods(
    cluster,
    { namespace: "default", release: "shop" },
    {
      signal: stop.signal,
      onPod: ({ metadata }) => void seen.push(metadata?.name ?? ""),
      pace: { nowMs: () => 0, wait: async () => new Promise((resolve) => setImmediate(resolve)) },
    },
  );
  const asked = (): number => readFileSync(count, "utf8").length;
  await expect.poll(asked, { timeout: 30_000 }).toBeGreaterThan(4);
  server.writer.create("pods", "default", {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "late", labels: { [labels.instance]: "shop", [labels.part]: "worker-default" } },
    spec: { containers: [{ name: "main", image: "bbsh:1" }] },
  });
  await expect.poll(() => seen, { timeout: 30_000 }).toContain("late");
  stop.abort();
  await watching;
  cluster.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});
