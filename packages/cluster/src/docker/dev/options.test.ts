import { expect, test } from "vitest";
import { type DevWorkerOptions, devWorkerContainer } from "./options.ts";

const options: DevWorkerOptions = {
  image: "agentflow/triage:0123456789ab",
  name: "triage-dev-worker-a1",
  projectDir: "/home/ada/triage",
  writable: ["reports"],
  hidden: ["node_modules", ".agentflow"],
  key: "k",
  session: "s",
  user: "501:20",
  environment: { LANG: "C.UTF-8" },
  certificates: "/etc/ssl/company.pem",
  limits: { cpus: 1.5, memoryMb: 256, pids: 99 },
};

test("a worker lives as long as its input is held open, and nothing is kept of it", () => {
  const made = devWorkerContainer(options);
  expect(made).toMatchObject({ OpenStdin: true, StdinOnce: true, Tty: false });
  expect(made.HostConfig).toMatchObject({ AutoRemove: true, Init: true, LogConfig: { Type: "none" } });
});

test("it may do nothing that it need not", () => {
  const { User, HostConfig } = devWorkerContainer(options);
  expect(User).toBe("501:20");
  expect(HostConfig).toMatchObject({
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    NanoCpus: 1_500_000_000,
    Memory: 256 * 1024 * 1024,
    PidsLimit: 99,
  });
  expect(HostConfig?.PortBindings).toBeUndefined();
});

test("the project is read-only but for what tools may write, and some of it is hidden", () => {
  const mounts = devWorkerContainer(options).HostConfig?.Mounts ?? [];
  expect(mounts.map(({ Type, Target, ReadOnly }) => `${Type} ${Target} ${ReadOnly ? "ro" : "rw"}`)).toEqual([
    "bind /srv/project/live ro",
    "bind /srv/project/live/reports rw",
    "tmpfs /srv/project/live/node_modules ro",
    "tmpfs /srv/project/live/.agentflow ro",
    "bind /etc/agentflow/certificates.pem ro",
  ]);
});

test("roots of this machine are trusted there, and only then", () => {
  const { certificates: _none, ...without } = options;
  expect(devWorkerContainer(options).Env).toContain("NODE_EXTRA_CA_CERTS=/etc/agentflow/certificates.pem");
  expect(devWorkerContainer(without).Env?.join()).not.toContain("NODE_EXTRA_CA_CERTS");
});
