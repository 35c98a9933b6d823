/** What people look at a cluster with, by kubectl itself: tables, descriptions, questions, copies. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../../src/index.ts";
import { type Program, kubectlFor, kubectlMissing } from "../programs/index.ts";

const missing = await kubectlMissing();

describe.skipIf(missing !== undefined)(
  `looking with kubectl${missing === undefined ? "" : ` (${missing})`}`,
  () => {
    let cluster: TestCluster;
    let kubectl: Program;
    const run = async (...args: string[]) => {
      const ran = await kubectl.run([...args, "-n", "looked"]);
      expect(ran, `${args.join(" ")}: ${ran.err}`).toMatchObject({ code: 0 });
      return ran.out;
    };
    const head = async (kind: string) => {
      const [titles = ""] = (await run("get", kind, "-o", "wide")).split("\n");
      return titles.trim().split(/\s{2,}/);
    };

    beforeAll(async () => {
      cluster = await startTestCluster({ pods: "processes", pace: 10 });
      kubectl = await kubectlFor(cluster.kubeconfig);
      await kubectl.run(["create", "namespace", "looked"]);
      const applied = await kubectl.run(["apply", "--server-side", "-n", "looked", "-f", "-"], objects);
      expect(applied).toMatchObject({ code: 0, err: "" });
    });
    afterAll(async () => {
      kubectl.close();
      await cluster.stop();
    });

    test("waits for a field, and for a job", async () => {
      const ready = "--for=jsonpath={.status.readyReplicas}=2";
      expect(await run("wait", ready, "deploy/a", "--timeout=50s")).toBe("deployment.apps/a condition met\n");
      expect(await run("wait", "--for=condition=complete", "job/j", "--timeout=50s")).toContain(
        "condition met",
      );
    });

    test.each([
      [
        "pods",
        ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED NODE", "READINESS GATES"],
      ],
      ["deploy", ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"]],
      ["rs", ["NAME", "DESIRED", "CURRENT", "READY", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"]],
      ["sts", ["NAME", "READY", "AGE", "CONTAINERS", "IMAGES"]],
      ["jobs", ["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"]],
      ["svc", ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR"]],
      ["hpa", ["NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE"]],
      ["netpol", ["NAME", "POD-SELECTOR", "AGE"]],
      ["ingress", ["NAME", "CLASS", "HOSTS", "ADDRESS", "PORTS", "AGE"]],
      ["pdb", ["NAME", "MIN AVAILABLE", "MAX UNAVAILABLE", "ALLOWED DISRUPTIONS", "AGE"]],
      ["rolebinding", ["NAME", "ROLE", "AGE"]],
      ["lease", ["NAME", "HOLDER", "AGE"]],
    ])("the wide table of %s has a real server's titles", async (kind, titles) => {
      expect(await head(kind)).toEqual(titles);
    });

    test("rows say what there is", async () => {
      expect(await run("get", "hpa", "a")).toMatch(/^a\s+Deployment\/a\s+cpu: <unknown>\/70%\s+2\s+3\s/m);
      expect(await run("get", "deploy", "a", "-o", "wide")).toMatch(/\smain\s+bbsh:1\s+app=a\n/);
      expect(await run("get", "deploy", "a", "-o", "yaml")).toContain("kind: Deployment\n");
      expect(await run("get", "pods", "-l", "app=a", "-o", "jsonpath={.items[*].status.phase}")).toBe(
        "Running Running",
      );
    });

    test.each([
      ["deploy/a", /Events:[^]*ScalingReplicaSet\s+\S+\s+deployment-controller/],
      ["rs", /Controlled By:\s+Deployment\/a[^]*Events:[^]*SuccessfulCreate/],
      ["sts/s", /Volume Claims:\s+Name:\s+d[^]*Events:[^]*SuccessfulCreate/],
      ["job/j", /Pods Statuses:\s+0 Active \(0 Ready\) \/ 1 Succeeded[^]*Events:[^]*Completed/],
      ["pod/s-0", /Conditions:[^]*Events:[^]*Scheduled[^]*Started/],
      ["svc/a", /Selector:\s+app=a/],
      ["hpa/a", /Reference:\s+Deployment\/a[^]*Conditions:/],
      ["pdb/a", /Min available:\s+1[^]*Allowed disruptions:\s+1/],
      ["netpol/a", /CIDR: 0\.0\.0\.0\/0[^]*Except: 169\.254\.0\.0\/16/],
      ["ingress/a", /a\.example/],
      ["role/a", /secrets\s+\[\]\s+\[\]\s+\[get\]/],
      ["rolebinding/a", /ServiceAccount\s+a\s+looked/],
      ["sa/a", /Name:\s+a/],
      ["cm/a", /x:\n----\n1/],
      ["secret/a", /x:\s+1 bytes/],
      ["lease/a", /Holder Identity:\s+somebody/],
      ["pvc/d-s-0", /Status:\s+Bound[^]*Used By:\s+s-0/],
      ["node/node1", /Conditions:[^]*Ready\s+True/],
      ["ns/looked", /Status:\s+Active/],
    ])("describe %s", async (what, says) => {
      expect(await run("describe", what)).toMatch(says);
    });

    test("says who asks, what is served, and what a field means", async () => {
      expect(await run("auth", "whoami")).toMatch(/Username\s+kubernetes-admin/);
      expect(await run("api-resources")).toMatch(/deployments\s+deploy\s+apps\/v1\s+true\s+Deployment/);
      expect(await run("explain", "deployment.spec.replicas")).toContain("FIELD: replicas <integer>");
    });

    test("copies a file into a container and back", async () => {
      const folder = mkdtempSync(join(tmpdir(), "af-copied-"));
      try {
        const inside = join(folder, "inside");
        writeFileSync(join(folder, "there"), "over and back\n");
        await run("cp", join(folder, "there"), `s-0:${inside}`);
        await run("cp", `s-0:${inside}`, join(folder, "back"));
        expect(readFileSync(join(folder, "back"), "utf8")).toBe("over and back\n");
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  },
);

const pod = (app: string, more = "") => `
    metadata: {labels: {app: ${app}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: main
          image: "bbsh:1"
          command: ["/bin/sh", "-c", "echo ready; while true; do sleep 0.1; done"]
          ${more}`;

const objects = `apiVersion: v1
kind: ServiceAccount
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {x: "1"}
---
apiVersion: v1
kind: Secret
metadata: {name: a}
stringData: {x: "1"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: a}
rules: [{apiGroups: [""], resources: [secrets], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: a}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}
subjects: [{kind: ServiceAccount, name: a, namespace: looked}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16]}}]}]
---
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {selector: {app: a}, ports: [{name: http, port: 8080, targetPort: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  replicas: 2
  selector: {matchLabels: {app: a}}
  template: ${pod("a", "ports: [{name: http, containerPort: 8080}]")}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: s}
spec:
  serviceName: a
  selector: {matchLabels: {app: s}}
  template: ${pod("s")}
  volumeClaimTemplates:
    - metadata: {name: d}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "bbsh:1", command: ["/bin/sh", "-c", "echo done"]}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: a}
spec: {minAvailable: 1, selector: {matchLabels: {app: a}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: a}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}
  minReplicas: 2
  maxReplicas: 3
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a}
spec:
  rules:
    - host: a.example
      http:
        paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {name: http}}}}]
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: a}
spec: {holderIdentity: somebody, leaseDurationSeconds: 15}
`;
