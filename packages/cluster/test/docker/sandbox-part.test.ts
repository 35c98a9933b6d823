/** The broker of sandboxes in an installation: there where the project asks, and alone with the engine. */
import { openTarget, render } from "@agentflow/cluster";
import { objectsOf } from "@agentflow/cluster/docker";
import { expect, test } from "vitest";

const images = { nats: "nats:1", controlPlane: "cp:1", worker: "w:1" };
const socket = "/run/somewhere/docker.sock";

async function installation(more: object) {
  const targets = { docker: { kind: "docker", workers: { default: 2 } } };
  const authored = { apiVersion: "agentflow.dev/v1", kind: "Project", name: "shop", targets, ...more };
  const opened = await openTarget({ authored, target: "docker", variables: {} });
  return render({ target: opened, images, version: "1", engine: socket });
}

test("without sandbox: nobody is given the engine, and workers know of no broker", async () => {
  const text = JSON.stringify(objectsOf(await installation({})));
  expect(text).not.toContain(socket);
  expect(text).not.toContain("AF_SANDBOX");
});

test.each([{}, { limits: { memoryMb: 128, cpus: 0.5 } }])(
  "with sandbox: %j the broker alone has the socket, and workers its own, read-only",
  async (sandbox) => {
    const { containers } = objectsOf(await installation({ sandbox }));
    const withEngine = containers.filter(({ options }) => JSON.stringify(options).includes(socket));
    expect(withEngine.map(({ part }) => part)).toEqual(["sandbox"]);
    const [broker] = withEngine;
    expect(broker?.options).toMatchObject({
      User: "0:0",
      HostConfig: { CapDrop: ["ALL"], CapAdd: ["DAC_OVERRIDE"], ReadonlyRootfs: true, PortBindings: {} },
    });
    const told = broker?.options.Env?.filter((one) => one.startsWith("AF_MOST__")) ?? [];
    expect(told).toEqual("limits" in sandbox ? ["AF_MOST__CPUS=0.5", "AF_MOST__MEMORY_MB=128"] : []);
    for (const { options } of containers.filter(({ role }) => role === "worker")) {
      expect(options.User).toBe("1000:1000");
      expect(options.HostConfig?.CapAdd).toBeUndefined();
      expect(options.Env).toContain("AF_SANDBOX__BROKER=/run/agentflow-sandbox/broker.sock");
      const mounts = options.HostConfig?.Mounts ?? [];
      expect(mounts.find(({ Target }) => Target === "/run/agentflow-sandbox")?.ReadOnly).toBe(true);
    }
    const rest = containers.filter(({ role }) => role !== "worker" && role !== "sandbox");
    expect(JSON.stringify(rest)).not.toContain("agentflow-sandbox");
  },
);
