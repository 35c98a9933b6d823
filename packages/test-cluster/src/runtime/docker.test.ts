import { baseImages, engineMissing, testEngine } from "@agentflow/cluster/test-engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Behind, putNode, startBehind } from "../behind.ts";
import { listAt, textAt } from "../json.ts";
import { memoryStore } from "../world/memory-store.ts";
import { quantity } from "../world/quantity.ts";
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
  let docker: Awaited<ReturnType<typeof testEngine>>["docker"];
  let labelled: () => Promise<number>;

  beforeAll(async () => {
    const found = await testEngine();
    docker = found.docker;
    image = (await baseImages(found)).node;
    const pods = await dockerPods({ engine: found.docker, name: label });
    await pods.answerNames(clusterNames(store, pods.gateway));
    store.put({ resource: "namespaces", namespace: "", name: "a" }, parseObject({ metadata: { name: "a" } }));
    putNode(store, { name: "node1" });
    behind = startBehind({
      store,
      resources: () => ["pods"],
      runtime: pods,
      pace: 10,
      closes: true,
      measures: true,
    });
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
  const containerOf = (name: string, container: string) => {
    const statuses = pod(name)?.status?.containerStatuses ?? [];
    const id = statuses.find((one) => one.name === container)?.containerID ?? "";
    return docker.getContainer(id.replace("docker://", ""));
  };
  const printed = async (name: string, container: string, command: readonly string[]) => {
    const of = { namespace: "a", pod: name, container };
    const execution = await behind.nodes.exec(of, { command, stdin: false, tty: false });
    const parts: Buffer[] = [];
    execution.onOutput((_, chunk) => void parts.push(chunk));
    await execution.ended;
    return Buffer.concat(parts).toString();
  };
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

  test("that it was killed for its memory is said too when it dies before the engine hears why", async () => {
    const names = [1, 2, 3, 4, 5, 6].map((n) => `small${n}`);
    const main = { name: "main", image, command: ["node", "-e", "0"] };
    const resources = { limits: { memory: "6Mi" } };
    const containers = [{ ...main, resources }];
    for (const name of names) put("pods", name, { spec: { restartPolicy: "Never", containers } });
    await until(() => names.every((name) => pod(name)?.status?.phase === "Failed"));
    const reasons = names.map((name) => pod(name)?.status?.containerStatuses?.[0]?.state.terminated?.reason);
    expect(new Set(reasons)).toEqual(new Set(["OOMKilled"]));
  }, 60_000);

  test("who is killed by somebody else has not lacked memory", async () => {
    const resources = { limits: { memory: "64Mi" } };
    const main = { name: "main", image, command: ["sleep", "600"], resources };
    put("pods", "killed", { spec: { restartPolicy: "Never", containers: [main] } });
    await until(() => pod("killed")?.status?.phase === "Running");
    await containerOf("killed", "main").kill();
    await until(() => pod("killed")?.status?.phase === "Failed");
    const { terminated } = pod("killed")?.status?.containerStatuses?.[0]?.state ?? {};
    expect(terminated).toMatchObject({ exitCode: 137, reason: "Error" });
  }, 60_000);

  test("containers of a pod start at once in one network, which stays when one of them ends", async () => {
    const answer = (port: number) => `require('http').createServer((q,s)=>s.end('${port}')).listen(${port})`;
    const containers = [8081, 8082].map((port) => ({
      name: `on-${port}`,
      image,
      command: ["node", "-e", answer(port)],
    }));
    put("pods", "both", { spec: { terminationGracePeriodSeconds: 0, containers } });
    const restarts = () => pod("both")?.status?.containerStatuses?.map((one) => one.restartCount);
    const isReady = () => pod("both")?.status?.containerStatuses?.every((one) => one.ready) === true;
    await until(isReady);
    for (const ended of [1, 2]) {
      await containerOf("both", "on-8081").kill();
      await until(() => restarts()?.[0] === ended && isReady());
      const ask = "Promise.all([8081,8082].map(p=>fetch('http://127.0.0.1:'+p).then(a=>a.text())))";
      const told = await printed("both", "on-8082", ["node", "-e", `${ask}.then(console.log)`]);
      expect(told).toBe("[ '8081', '8082' ]\n");
      const way = await behind.nodes.connect({ namespace: "a", pod: "both" }, 8082);
      way.destroy();
    }
    expect(restarts()).toEqual([2, 0]);
  }, 60_000);

  test("a pod for which policies allow nothing has no network; the others have theirs", async () => {
    const select = (app: string) => ({ podSelector: { matchLabels: { app } } });
    const policyTypes = ["Ingress", "Egress"];
    const deny = (app: string) => ({ spec: { ...select(app), policyTypes } });
    put("networkpolicies.networking.k8s.io", "closed", deny("closed"));
    put("networkpolicies.networking.k8s.io", "half", {
      spec: { ...select("half"), policyTypes: ["Ingress"] },
    });
    put("networkpolicies.networking.k8s.io", "some", deny("some"));
    const egress = [{ ports: [{ port: 53 }] }];
    put("networkpolicies.networking.k8s.io", "but", { spec: { ...select("some"), policyTypes, egress } });
    const list = "console.log(Object.keys(require('os').networkInterfaces()).length)";
    for (const app of ["closed", "half", "some"]) {
      const containers = [{ name: "main", image, command: ["node", "-e", list] }];
      store.put(
        { resource: "pods", namespace: "a", name: app },
        parseObject({
          metadata: { name: app, labels: { app } },
          spec: { restartPolicy: "Never", containers },
        }),
      );
    }
    await until(() => ["closed", "half", "some"].every((name) => pod(name)?.status?.phase === "Succeeded"));
    expect([await logOf("closed"), await logOf("half"), await logOf("some")]).toEqual(["1\n", "2\n", "2\n"]);
  }, 60_000);

  test("what pods use is what the engine says of their containers, and goes with them", async () => {
    const busy = "const end=()=>{const to=Date.now()+20;while(Date.now()<to);setTimeout(end,80)};end()";
    const kept = "globalThis.kept=Buffer.alloc(64e6,1);setInterval(()=>{},1e6)";
    const containers = [
      { name: "busy", image, command: ["node", "-e", busy] },
      { name: "big", image, command: ["node", "-e", kept] },
    ];
    const labels = { app: "used" };
    const key = { resource: "pods", namespace: "a", name: "used" };
    const spec = { terminationGracePeriodSeconds: 0, containers };
    store.put(key, parseObject({ metadata: { name: "used", labels }, spec }));
    const metrics = () => store.get({ ...key, resource: "pods.metrics.k8s.io" });
    const uses = (name: string, what: "cpu" | "memory") => {
      const found = listAt(metrics(), "containers").find((one) => textAt(one, "name") === name);
      return quantity(textAt(found, "usage", what) ?? "0");
    };
    // Both begin with some work: what is said of them settles with the next looks.
    await until(() => uses("busy", "cpu") > uses("big", "cpu") && uses("big", "memory") > 64e6);
    expect(metrics()).toMatchObject({
      kind: "PodMetrics",
      metadata: { name: "used", namespace: "a", labels },
    });
    behind.world.writer.remove(key, {});
    await until(() => pod("used") === undefined && metrics() === undefined);
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
