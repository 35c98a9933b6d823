import { baseImages, engineMissing, testEngine } from "@agentflow/cluster/test-engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Behind, putNode, startBehind } from "../behind.ts";
import { memoryStore } from "../world/memory-store.ts";
import { list } from "../world/world.ts";
import { parseObject } from "../world/parse-kinds.ts";
import { clusterNames } from "./cluster-names.ts";
import { clusterLabel } from "./docker-engine.ts";
import { dockerPods } from "./docker.ts";

const missing = await engineMissing();
const label = `knode-t${process.pid}`;
const serve =
  "const h=require('http');h.createServer((q,s)=>s.end(process.env.WHO+' '+process.getuid()+' '+" +
  "require('fs').readFileSync('/conf/word')+' '+require('os').hostname())).listen(8080)";

describe.skipIf(missing !== undefined)(`pods on an engine ${missing ?? ""}`, () => {
  const store = memoryStore();
  let behind: Behind;
  let image = "";
  let labelled: () => Promise<number>;

  beforeAll(async () => {
    const found = await testEngine();
    image = (await baseImages(found)).node;
    const pods = await dockerPods({ engine: found.docker, name: label });
    await pods.answerNames(clusterNames(store, pods.gateway));
    store.put({ resource: "namespaces", namespace: "", name: "a" }, parseObject({ metadata: { name: "a" } }));
    putNode(store, { name: "node1" });
    behind = startBehind({ store, resources: () => ["pods"], runtime: pods, pace: 10 });
    const filters = { label: [`${clusterLabel}=${label}`] };
    labelled = async () => {
      const containers = await found.docker.listContainers({ all: true, filters });
      const volumes = await found.docker.listVolumes({ filters });
      const networks = await found.docker.listNetworks({ filters });
      return containers.length + (volumes.Volumes ?? []).length + networks.length;
    };
  }, 120_000);

  afterAll(async () => {
    await behind.stop();
    expect(await labelled()).toBe(0);
  }, 60_000);

  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      if (holds()) resolve();
      const end = store.subscribe(() => {
        if (!holds()) return;
        end();
        resolve();
      });
    });
  const put = (resource: string, name: string, object: object) =>
    store.put({ resource, namespace: "a", name }, parseObject({ metadata: { name }, ...object }));
  const pod = (name: string) => list(store, "pods", "a").find((one) => one.metadata.name === name);
  const logOf = async (name: string) => {
    const parts: Buffer[] = [];
    const of = { namespace: "a", pod: name, container: "main" };
    const query = { follow: true, previous: false, timestamps: false };
    for await (const part of behind.nodes.logs(of, query, new AbortController().signal)) parts.push(part);
    return Buffer.concat(parts).toString();
  };

  test("a pod serves under its Service's name, as the user it is given, with what is mounted", async () => {
    put("configmaps", "conf", { data: { word: "hello" } });
    put("services", "web", { spec: { selector: { app: "web" }, ports: [{ port: 8080 }] } });
    const volumes = [
      { name: "conf", configMap: { name: "conf" } },
      { name: "tmp", emptyDir: {} },
    ];
    store.put(
      { resource: "pods", namespace: "a", name: "web" },
      parseObject({
        metadata: { name: "web", labels: { app: "web" } },
        spec: {
          terminationGracePeriodSeconds: 0,
          volumes,
          securityContext: { runAsUser: 1234, runAsGroup: 1234, fsGroup: 1234, runAsNonRoot: true },
          containers: [
            {
              name: "main",
              image,
              command: ["node", "-e", serve],
              env: [{ name: "WHO", value: "web" }],
              readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 },
              securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
              volumeMounts: [
                { name: "conf", mountPath: "/conf", readOnly: true },
                { name: "tmp", mountPath: "/tmp" },
              ],
            },
          ],
        },
      }),
    );
    await until(
      () =>
        pod("web")?.status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") === true,
    );
    const ask = "fetch('http://web:8080').then(a=>a.text()).then(console.log)";
    const write = "require('fs').writeFileSync('/tmp/x','');";
    put("pods", "asks", {
      spec: { restartPolicy: "Never", containers: [{ name: "main", image, command: ["node", "-e", ask] }] },
    });
    await until(() => pod("asks")?.status?.phase === "Succeeded");
    expect(await logOf("asks")).toBe("web 1234 hello web\n");
    const of = { namespace: "a", pod: "web", container: "main" };
    const execution = await behind.nodes.exec(of, {
      command: ["node", "-e", `${write}process.exit(5)`],
      stdin: false,
      tty: false,
    });
    expect(await execution.ended).toEqual({ exitCode: 5 });
    const way = await behind.nodes.connect(of, 8080);
    way.write("GET / HTTP/1.0\r\n\r\n");
    const parts: Buffer[] = [];
    for await (const part of way) parts.push(Buffer.from(part));
    expect(Buffer.concat(parts).toString()).toContain("web 1234 hello web");
  }, 60_000);

  test("who wants more memory than its limit is killed, and it is said", async () => {
    const grow = "const a=[];for(;;)a.push(Buffer.alloc(1e6,1))";
    const resources = { limits: { memory: "64Mi" } };
    put("pods", "big", {
      spec: {
        restartPolicy: "Never",
        containers: [{ name: "main", image, command: ["node", "-e", grow], resources }],
      },
    });
    await until(() => pod("big")?.status?.phase === "Failed");
    expect(pod("big")?.status?.containerStatuses?.[0]?.state.terminated).toMatchObject({
      exitCode: 137,
      reason: "OOMKilled",
    });
  }, 60_000);

  test("an image that the engine does not have, a program that the image does not have", async () => {
    put("pods", "absent", { spec: { containers: [{ name: "main", image: "af.invalid/no:1" }] } });
    put("pods", "badcmd", { spec: { containers: [{ name: "main", image, command: ["/bin/absent"] }] } });
    const waiting = (name: string) => pod(name)?.status?.containerStatuses?.[0]?.state.waiting;
    await until(() => waiting("absent")?.reason === "ErrImagePull");
    await until(() => waiting("badcmd")?.reason === "RunContainerError");
    expect(waiting("badcmd")?.message).toContain("/bin/absent");
  }, 60_000);
});
