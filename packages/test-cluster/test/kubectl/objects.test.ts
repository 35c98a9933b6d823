/** The real kubectl against the test API server, over TLS: objects, differences, watches, rights. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../../src/index.ts";
import { type Program, kubectlFor, kubectlMissing } from "../programs/index.ts";

const missing = await kubectlMissing();

describe.skipIf(missing !== undefined)(`kubectl${missing === undefined ? "" : ` (${missing})`}`, () => {
  let cluster: TestCluster;
  let kubectl: Program;
  beforeAll(async () => {
    cluster = await startTestCluster({ crds: ["keda"] });
    kubectl = await kubectlFor(cluster.kubeconfig);
    await kubectl.run(["create", "namespace", "kapi"]);
  });
  afterAll(async () => {
    kubectl.close();
    await cluster.stop();
  });
  const apply = ["apply", "--server-side", "--field-manager=agentflow", "-n", "kapi", "-f", "-"];
  const get = (...args: string[]) => ["get", "-n", "kapi", ...args];

  test("applies what the server then has, custom kinds too", async () => {
    const applied = await kubectl.run(apply, `${settings("1")}---\n${web(2)}---\n${scaled}`);
    expect(applied).toMatchObject({ code: 0, err: "" });
    expect(applied.out.split("\n")).toEqual([
      "configmap/settings serverside-applied",
      "deployment.apps/web serverside-applied",
      "scaledobject.keda.sh/web serverside-applied",
      "",
    ]);
    const { out } = await kubectl.run(get("deployment", "web"));
    expect(out).toMatch(/^NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\nweb\s+0\/2\s+0\s+0\s+\d+s\n$/);
    const named = await kubectl.run(get("so,cm", "-o", "name"));
    expect(named.out.split("\n")).toContain("scaledobject.keda.sh/web");
  });

  test("shows what an apply would change, and that nothing would", async () => {
    const diff = ["diff", "--server-side", "--field-manager=agentflow", "-n", "kapi", "-f", "-"];
    expect(await kubectl.run(diff, web(2))).toMatchObject({ code: 0, out: "" });
    const changed = await kubectl.run(diff, web(3));
    expect(changed.code).toBe(1);
    expect(changed.out).toMatch(/^-\s+replicas: 2$/m);
    expect(changed.out).toMatch(/^\+\s+replicas: 3$/m);
    // It asked with dryRun: nothing has changed.
    expect((await kubectl.run(get("deploy/web", "-o", "jsonpath={.spec.replicas}"))).out).toBe("2");
  });

  test("is told by whom a field is held", async () => {
    const other = ["apply", "--server-side", "--field-manager=other", "-n", "kapi", "-f", "-"];
    const refused = await kubectl.run(other, settings("2"));
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('conflict with "agentflow": .data.a');
    expect((await kubectl.run([...other, "--force-conflicts"], settings("2"))).code).toBe(0);
  });

  test("refuses an unknown field before it is sent, and names it", async () => {
    const wrong = `${settings("1")}dota: {b: "2"}\n`;
    const { code, err } = await kubectl.run(apply, wrong);
    expect(code).toBe(1);
    expect(err).toContain("dota");
  });

  test("sees changes as they come", async () => {
    const watched = kubectl.follow(get("configmap", "-l", "seen=yes", "-w", "-o", "name"), (line) => {
      return line === "configmap/second";
    });
    await kubectl.run(["create", "configmap", "first", "-n", "kapi"]);
    await kubectl.run(["label", "configmap", "first", "-n", "kapi", "seen=yes"]);
    await kubectl.run(apply, labelled("second"));
    expect(await watched).toEqual(["configmap/first", "configmap/second"]);
  });

  test("knows what one may", async () => {
    expect((await kubectl.run(["auth", "can-i", "create", "deployments.apps"])).out).toBe("yes\n");
    const eve = await kubectlFor(cluster.userKubeconfig("eve").kubeconfig);
    try {
      const asked = await eve.run(["auth", "can-i", "create", "deployments.apps"]);
      expect(asked).toMatchObject({ code: 1, out: "no\n" });
      const refused = await eve.run(["get", "secrets", "-n", "kapi"]);
      expect(refused.err).toContain(
        'User "eve" cannot list resource "secrets" in API group "" in the namespace "kapi"',
      );
      await kubectl.run([
        "create",
        "role",
        "reader",
        "--verb=get,list",
        "--resource=configmaps",
        "-n",
        "kapi",
      ]);
      await kubectl.run(["create", "rolebinding", "reader", "--role=reader", "--user=eve", "-n", "kapi"]);
      expect((await eve.run(["auth", "can-i", "list", "configmaps", "-n", "kapi"])).out).toBe("yes\n");
    } finally {
      eve.close();
    }
  });

  test("has a kind served by its definition, which takes its objects along when it goes", async () => {
    const serverSide = ["apply", "--server-side", "-f", "-"];
    expect(await kubectl.run(serverSide, widgets)).toMatchObject({ code: 0, err: "" });
    const established = ["wait", "--for=condition=Established", "crd/widgets.example.dev", "--timeout=20s"];
    expect((await kubectl.run(established)).code).toBe(0);
    expect(await kubectl.run([...serverSide, "-n", "kapi"], widget)).toMatchObject({ code: 0, err: "" });
    expect((await kubectl.run(get("widgets", "-o", "jsonpath={.items[*].spec.size}"))).out).toBe("3");
    await kubectl.run(["delete", "crd", "widgets.example.dev"]);
    expect(cluster.store.list("widgets.example.dev")).toEqual([]);
    await kubectl.run(serverSide, widgets);
    expect((await kubectl.run(get("widgets", "-o", "name"))).out).toBe("");
  });

  test("deletes, waits until it is gone, and ends a namespace with all in it", async () => {
    expect((await kubectl.run(["delete", "-n", "kapi", "deploy/web"])).out).toContain("deleted");
    expect((await kubectl.run(get("deploy/web"))).err).toContain('deployments.apps "web" not found');
    expect((await kubectl.run(["delete", "namespace", "kapi"])).code).toBe(0);
    expect((await kubectl.run(get("configmaps", "-o", "name"))).out).toBe("");
  });
});

function settings(value: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: "${value}"}\n`;
}

function labelled(name: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, labels: {seen: "yes"}}\n`;
}

function web(replicas: number): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "bb:1"}]}
`;
}

const scaled = `apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec: {scaleTargetRef: {name: web}}
`;

const widgets = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.dev}
spec:
  group: example.dev
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`;
const widget = "apiVersion: example.dev/v1\nkind: Widget\nmetadata: {name: one}\nspec: {size: 3}\n";
