import {
  type Objects,
  type Observed,
  type ObservedContainer,
  type PlanOptions,
  objectsOf,
  pendingChanges,
  planChanges,
} from "@agentflow/cluster/docker";
import { AgentFlowError } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { standin, type Standin } from "./standin.ts";

const base: Standin = { project: "p", image: "image:1", port: 4180 };
const desired = objectsOf(standin(base));

/** What an engine has when everything is as wanted. */
function asWanted(objects: Objects): Observed {
  return {
    networks: ["net"],
    volumes: objects.volumes.map(({ name, holds }) => ({ name, holds, copies: 0 })),
    containers: objects.containers.map((one) => ({
      id: `id-${one.name}`,
      name: one.name,
      part: one.part,
      copy: one.copy,
      config: one.config,
      image: one.image,
      imageId: "sha256:1",
      state: one.runs === "once" ? "exited" : "running",
      health: "healthy",
      healthSaid: "",
      exitCode: 0,
      oomKilled: false,
      restarts: 0,
      startedAt: "",
      finishedAt: "",
      error: "",
      networks: new Map([["p-docker", "net"]]),
      mounts: new Map(),
      restarting: one.runs === "always",
      published: [],
    })),
  };
}

function changed(name: string, by: Partial<ObservedContainer>): Observed {
  const all = asWanted(desired);
  return { ...all, containers: all.containers.map((one) => (one.part === name ? { ...one, ...by } : one)) };
}

function said(objects: Objects, observed: Observed, options: PlanOptions = {}): string[] {
  return pendingChanges(planChanges(objects, observed, options)).map((change) => {
    switch (change.kind) {
      case "create_network":
      case "remove_network":
        return change.kind;
      case "create_volume":
        return `create volume ${change.volume.name}`;
      case "remove":
        return `remove ${change.old.name}`;
      case "replace":
        return `replace ${change.wanted.name}: ${change.why}`;
      default:
        return `${change.kind} ${change.wanted.name}`;
    }
  });
}

const nothing: Observed = { networks: [], volumes: [], containers: [] };
const worker = "p-docker-worker-default-1";
const rows: readonly (readonly [string, Objects, Observed, PlanOptions, readonly string[]])[] = [
  ["all is as wanted", desired, asWanted(desired), {}, []],
  [
    "new code replaces the workers alone",
    objectsOf(standin({ ...base, code: "2" })),
    asWanted(desired),
    {},
    [`replace ${worker}: configuration`],
  ],
  [
    "an image of the same name that was built anew",
    desired,
    asWanted(desired),
    { images: new Map([["image:1", "sha256:2"]]) },
    ["p-docker-keys-1", "p-docker-control-plane-1", worker].map((name) => `replace ${name}: image`),
  ],
  [
    "a stopped container is started",
    desired,
    changed("worker-default", { state: "exited" }),
    {},
    [`start ${worker}`],
  ],
  ["a paused one is woken", desired, changed("worker-default", { state: "paused" }), {}, [`start ${worker}`]],
  [
    "a dead one is made anew",
    desired,
    changed("worker-default", { state: "dead" }),
    {},
    [`replace ${worker}: failed before`],
  ],
  ["one that restarts is waited for", desired, changed("worker-default", { state: "restarting" }), {}, []],
  [
    "what runs once runs again when it did not end well",
    desired,
    changed("keys", { exitCode: 1 }),
    {},
    ["replace p-docker-keys-1: failed before"],
  ],
  [
    "what runs once and was made but never started",
    desired,
    changed("keys", { state: "created" }),
    {},
    ["start p-docker-keys-1"],
  ],
  ["what runs once and still runs is waited for", desired, changed("keys", { state: "running" }), {}, []],
  [
    "a pool that is gone is an orphan",
    desired,
    asWanted(objectsOf(standin({ ...base, pools: ["default", "gpu"] }))),
    {},
    ["remove p-docker-worker-gpu-1"],
  ],
  [
    "fewer copies",
    desired,
    asWanted(objectsOf(standin({ ...base, workers: 2 }))),
    {},
    ["remove p-docker-worker-default-2"],
  ],
  [
    "more copies",
    objectsOf(standin({ ...base, workers: 2 })),
    asWanted(desired),
    {},
    ["create p-docker-worker-default-2"],
  ],
  [
    "only the named parts are changed",
    objectsOf(standin({ ...base, code: "2", controlPlanes: 2 })),
    asWanted(desired),
    { only: new Set(["control-plane"]) },
    ["create volume p-docker-control-plane-2", "create p-docker-control-plane-2"],
  ],
  [
    "a network that was made twice",
    desired,
    { ...asWanted(desired), networks: ["net", "b"] },
    {},
    ["remove_network"],
  ],
  [
    "a network that was removed while its containers stood still",
    desired,
    { ...asWanted(desired), networks: [] },
    {},
    ["create_network", "replace p-docker-control-plane-1: network", `replace ${worker}: network`],
  ],
  [
    "one that was taken off the network",
    desired,
    changed("worker-default", { networks: new Map() }),
    {},
    [`replace ${worker}: network`],
  ],
  [
    "one that was made and never started has no place on the network yet",
    desired,
    changed("worker-default", { state: "created", networks: new Map([["p-docker", ""]]) }),
    {},
    [`start ${worker}`],
  ],
];

test.each(rows)("%s", (_, objects, observed, options, expected) => {
  expect(said(objects, observed, options)).toEqual(expected);
});

test("on an empty engine everything is made, each rank after the parts it needs", () => {
  const plan = planChanges(desired, nothing);
  expect(said(desired, nothing)[0]).toBe("create_network");
  expect(plan.ranks.map((rank) => rank.map(({ part }) => part))).toEqual([
    ["keys"],
    ["control-plane"],
    ["worker-default"],
  ]);
});

test("pools start side by side", () => {
  const plan = planChanges(objectsOf(standin({ ...base, pools: ["a", "b"] })), nothing);
  expect(plan.ranks.at(-1)?.map(({ part }) => part)).toEqual(["worker-a", "worker-b"]);
});

test("another number of NATS servers than have data is refused; an interrupted start is not", () => {
  const three = natsObjects(3);
  const has = (copies: number, there: number): Observed => ({
    ...nothing,
    volumes: [
      ...Array.from({ length: there }, (_, n) => ({ name: `p-docker-nats-${n + 1}`, holds: "data", copies })),
      // Shared by all: it holds data, and is no server's.
      { name: "p-docker-files", holds: "data", copies: 0 },
    ],
  });
  const reason = (objects: Objects, observed: Observed): string => {
    try {
      planChanges(objects, observed);
      return "fine";
    } catch (error) {
      return AgentFlowError.is(error) ? error.reason : String(error);
    }
  };
  expect(reason(three, has(1, 1))).toBe("nats_replicas_changed");
  expect(reason(natsObjects(1), has(3, 3))).toBe("nats_replicas_changed");
  expect(reason(three, has(3, 1))).toBe("fine");
  expect(reason(three, has(3, 3))).toBe("fine");
  expect(reason(three, has(0, 3))).toBe("fine");
  expect(() => planChanges(three, has(1, 1))).toThrow(
    "the data lies on 1 NATS server, target docker wants 3",
  );
});

function natsObjects(replicas: number): Objects {
  const installation = standin(base);
  const [keys] = installation.parts;
  if (keys === undefined) throw new Error("no parts");
  const mounts = ["nats", "files"].map((volume) => ({ volume, path: `/${volume}`, readOnly: false }));
  return objectsOf({
    ...installation,
    parts: [{ ...keys, name: "nats", role: "nats", runs: "always", replicas, mounts }],
    volumes: [
      { name: "nats", each: true, holds: "data" },
      { name: "files", each: false, holds: "data" },
    ],
  });
}
