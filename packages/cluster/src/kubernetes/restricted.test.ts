import { describe, expect, test } from "vitest";
import { caseNames, releasedInCluster } from "./fixtures/projects.ts";
import { brokenBy } from "./fixtures/pod-security.ts";

function templatesOf(objects: readonly object[]): unknown[] {
  return objects.flatMap((object) => {
    const spec: unknown = Reflect.get(object, "spec");
    const template: unknown = Reflect.get(Object(spec), "template");
    return template === undefined ? [] : [template];
  });
}

describe.each(caseNames)("the pods of %s", (name) => {
  test("satisfy the standard `restricted`", async () => {
    const templates = templatesOf((await releasedInCluster(name)).objects);
    expect(templates.length).toBeGreaterThan(3);
    for (const template of templates) expect(brokenBy(template)).toEqual([]);
  });

  test("write to their volumes alone, within limits; only the job of keys has a token", async () => {
    for (const template of templatesOf((await releasedInCluster(name)).objects)) {
      expect(template).toMatchObject({
        spec: {
          enableServiceLinks: false,
          containers: [
            {
              securityContext: { readOnlyRootFilesystem: true },
              resources: { requests: { cpu: expect.any(String) }, limits: { memory: expect.any(String) } },
            },
          ],
        },
      });
      const { metadata, spec } = Object(template);
      const isKeys = metadata.labels["agentflow.dev/part"] === "keys";
      expect(spec.automountServiceAccountToken).toBe(isKeys);
      expect(String(spec.serviceAccountName).endsWith("-keys")).toBe(isKeys);
      // Beside a worker the broker has one; the worker's own container does not see it.
      expect(JSON.stringify(spec.containers)).not.toContain("serviceaccount");
      expect(JSON.stringify(spec).includes('serviceAccountToken":{')).toBe(spec.initContainers !== undefined);
    }
  });
});

describe("each rule of the standard can be broken", () => {
  const container = {
    name: "c",
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
  };
  const good = {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    containers: [container],
    volumes: [{ name: "tmp", emptyDir: {} }],
  };
  const withContainer = (more: object) => ({ ...good, containers: [{ ...container, ...more }] });
  const withContext = (more: object) =>
    withContainer({ securityContext: { ...container.securityContext, ...more } });
  const withPodContext = (more: object) => ({
    ...good,
    securityContext: { ...good.securityContext, ...more },
  });

  test("and a good pod breaks none", () => {
    expect(brokenBy({ spec: good })).toEqual([]);
  });

  const rows: readonly (readonly [rule: string, spec: object, annotations?: object])[] = [
    ["HostProcess", withPodContext({ windowsOptions: { hostProcess: true } })],
    ["HostProcess", withContext({ windowsOptions: { hostProcess: true } })],
    ["Host Namespaces", { ...good, hostNetwork: true }],
    ["Host Namespaces", { ...good, hostPID: true }],
    ["Host Namespaces", { ...good, hostIPC: true }],
    ["Privileged Containers", withContext({ privileged: true })],
    ["Capabilities", withContext({ capabilities: { drop: ["NET_RAW"] } })],
    ["Capabilities", withContext({ capabilities: undefined })],
    ["Capabilities", withContext({ capabilities: { drop: ["ALL"], add: ["SYS_ADMIN"] } })],
    ["Volume Types", { ...good, volumes: [{ name: "h", hostPath: { path: "/" } }] }],
    ["Volume Types", { ...good, volumes: [{ name: "n", nfs: { server: "x", path: "/" } }] }],
    ["Host Ports", withContainer({ ports: [{ containerPort: 80, hostPort: 80 }] })],
    ["Host Probes and Lifecycle Hooks", withContainer({ livenessProbe: { httpGet: { host: "10.0.0.1" } } })],
    [
      "Host Probes and Lifecycle Hooks",
      withContainer({ lifecycle: { preStop: { tcpSocket: { host: "x" } } } }),
    ],
    ["AppArmor", withContext({ appArmorProfile: { type: "Unconfined" } })],
    ["AppArmor", good, { "container.apparmor.security.beta.kubernetes.io/c": "unconfined" }],
    ["SELinux", withPodContext({ seLinuxOptions: { type: "spc_t" } })],
    ["SELinux", withContext({ seLinuxOptions: { user: "root" } })],
    ["SELinux", withContext({ seLinuxOptions: { role: "sysadm_r" } })],
    ["/proc Mount Type", withContext({ procMount: "Unmasked" })],
    ["Seccomp", withPodContext({ seccompProfile: undefined })],
    ["Seccomp", withPodContext({ seccompProfile: { type: "Unconfined" } })],
    ["Seccomp", withContext({ seccompProfile: { type: "Unconfined" } })],
    ["Sysctls", withPodContext({ sysctls: [{ name: "kernel.msgmax", value: "1" }] })],
    ["Privilege Escalation", withContext({ allowPrivilegeEscalation: true })],
    ["Privilege Escalation", withContext({ allowPrivilegeEscalation: undefined })],
    ["Running as Non-root", withPodContext({ runAsNonRoot: undefined })],
    ["Running as Non-root", withContext({ runAsNonRoot: false })],
    ["Running as Non-root user", withPodContext({ runAsUser: 0 })],
    ["Running as Non-root user", withContext({ runAsUser: 0 })],
  ];

  test.each(rows.map(([rule, spec, annotations = {}]) => ({ rule, spec, annotations })))("$rule", (row) => {
    const { rule, spec, annotations } = row;
    const found = brokenBy({ metadata: { annotations }, spec });
    expect(found).toHaveLength(1);
    expect(found[0]?.startsWith(`${rule}: `)).toBe(true);
  });
});
