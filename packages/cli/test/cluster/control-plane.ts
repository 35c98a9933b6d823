/** Another control plane, and a history that only a release of the future could have written. */
import { runIn } from "@agentflow/cluster/test-kubernetes";
import { defaultTenant, parseId, shardOfDigest, subjects } from "@agentflow/protocol";
import { hash } from "node:crypto";
import { imageLabel, type Story } from "./story.ts";

/** The same program in another image, brought to the nodes; answers how pods name it. */
export async function nextControlPlane(story: Story, word: string): Promise<string> {
  const { live, namespace, release } = story;
  const name = `${release}-control-plane`;
  const { spec } = await live.cluster.ask("reading the control plane", ({ apps }) =>
    apps.readNamespacedDeployment({ namespace, name }),
  );
  const { docker } = live.engine;
  const container = await docker.createContainer({ Image: spec?.template.spec?.containers[0]?.image ?? "" });
  const repo = `agentflow/${story.project.name}-control-plane`;
  try {
    const changes = `LABEL ${imageLabel}=${story.project.name} dev.agentflow.test.word=${word}`;
    await container.commit({ repo, tag: word, changes });
  } finally {
    await container.remove({ force: true });
  }
  return live.bring(`${repo}:${word}`);
}

/**
 * Adds to a run's history a commit of a version that this release does not know. It goes in where histories
 * come from, with the key that is there: no key leaves the cluster.
 */
export async function makeUnreadable({ live, namespace, pods }: Story, id: string): Promise<void> {
  const run = parseId("run", id);
  const shard = shardOfDigest(hash("sha256", run, "buffer"));
  const subject = subjects.run({ shard, tenant: defaultTenant, run });
  const commit = { v: 2, kind: "commit", inputs: [], events: [], commands: [] };
  const [pod = ""] = await pods("control-plane");
  const program = ["node", "--input-type=module", "--eval", appending, "--", subject, JSON.stringify(commit)];
  await runIn(live.cluster, { namespace, pod, container: "control-plane" }, program);
}

/** Comes to the bus as one that makes nothing and serves nothing. */
const appending = `
const { openNats } = await import("/opt/agentflow/node_modules/@agentflow/bus/dist/nats/index.js");
const { AF_BUS__SERVERS, AF_BUS__NKEY: seedFile, AF_BUS__INBOX: inboxPrefix } = process.env;
const credentials = { kind: "nkey", seedFile };
const bus = await openNats({ servers: AF_BUS__SERVERS.split(","), credentials, inboxPrefix, role: "reader" });
const [subject, commit] = process.argv.slice(-2);
const { ok } = await bus.log.append(subject, commit, { expect: "any" });
await bus.close();
process.exit(ok ? 0 : 1);
`;
