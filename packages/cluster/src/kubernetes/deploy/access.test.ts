import { AgentFlowError, type Json } from "@agentflow/protocol";
import { expect, test } from "vitest";
import type { Cluster, ClusterRequest } from "../cluster.ts";
import { Access } from "./access.ts";

const served: Json = {
  resources: ["Pod", "Event"].map((kind) => ({ name: kind.toLowerCase(), kind, namespaced: true })),
};

/** Answers lists by that; everything else with what is served. */
function answering(list: (request: ClusterRequest) => Json): Access {
  const send: Cluster["send"] = async (_, request) =>
    Promise.resolve(request.path === "/api/v1" ? served : list(request));
  const cluster: Pick<Cluster, "send"> = { send };
  // Nothing else of it is asked for.
  return new Access({ ...unused, ...cluster }, "shop");
}

const never = (): never => {
  throw new Error("not asked for");
};
const unused = new Proxy(Object.create(null), { get: never, ownKeys: () => [] });

const pods = { apiVersion: "v1", kind: "Pod" };
const items = [{ metadata: { name: "a" } }];

test("a list whose next page the server has forgotten is read anew, and nothing of it twice", async () => {
  const asked: string[] = [];
  let forgotten = 1;
  const access = answering(({ query = {} }) => {
    const from = query["continue"] ?? "";
    asked.push(from);
    if (from === "") return { items, metadata: { continue: "page2" } };
    if (forgotten-- > 0) throw new AgentFlowError("conflict", "too old", { reason: "cluster_gone" });
    return { items: [{ metadata: { name: "b" } }] };
  });
  const found = await access.list(pods);
  expect(found.map(({ metadata }) => metadata)).toEqual([{ name: "a" }, { name: "b" }]);
  expect(asked).toEqual(["", "page2", "", "page2"]);
});

test("a list without an end is given up; of events the first of them are enough", async () => {
  let asked = 0;
  const access = answering(() => {
    asked++;
    return { items, metadata: { continue: "more" } };
  });
  await expect(access.list(pods)).rejects.toMatchObject({ reason: "list_too_long" });
  expect(asked).toBe(20);
  expect(await access.list({ apiVersion: "v1", kind: "Event" })).toHaveLength(20);
});

test("what a server has not said of its kinds is asked again, not remembered", async () => {
  let asked = 0;
  const send: Cluster["send"] = async () => {
    if (asked++ === 0) throw new AgentFlowError("unavailable", "nobody answers");
    return Promise.resolve(served);
  };
  const access = new Access({ ...unused, send }, "shop");
  await expect(access.resource(pods)).rejects.toMatchObject({ code: "unavailable" });
  expect(await access.resource(pods)).toMatchObject({ plural: "pod" });
});
