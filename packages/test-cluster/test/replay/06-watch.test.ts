import { textAt } from "../../src/json.ts";
import { marks } from "./marks.ts";
import { configMap, demo, makeNamespace, replay, type Stage } from "./story.ts";

const maps = `${demo}/configmaps`;
const labelled = { labels: { set: "w" } };
const merge = "application/merge-patch+json";
/** The token of a list that was not recorded, of the first two of all ConfigMaps. */
const tokenBefore24 =
  "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MjMyMiwic3RhcnQiOiIvb3BlbnNoaWZ0LXNlcnZpY2UtY2EuY3J0XHUwMDAwIn0";

replay({
  folder: "06-watch",
  cluster: { bookmarkSeconds: 2 },
  async setUp(stage) {
    await makeNamespace(stage);
    await stage.ask("POST", maps, configMap("openshift-service-ca.crt"));
    const labels = { "app.kubernetes.io/managed-by": "agentflow" };
    const apply = `${maps}/settings?fieldManager=agentflow`;
    const settings = configMap("settings", { labels, data: { a: "1", c: "3" } });
    await stage.ask("PATCH", apply, settings, "application/apply-patch+yaml");
    stage.likeness.learn("2044", String(stage.cluster.store.version));
    for (const name of ["w1", "w2", "w3", "w4", "w5"]) {
      await stage.ask("POST", maps, configMap(name, { ...labelled, data: { v: "1" } }));
    }
  },
  before: {
    "03": async (stage) => void (await stage.ask("POST", maps, configMap("victim"))),
    "24": async (stage) => {
      await stage.ask("DELETE", `${maps}/victim`);
      const list = await stage.ask("GET", `${maps}?limit=2`);
      stage.likeness.learn(tokenBefore24, textAt(list, "metadata", "continue") ?? "");
      stage.cluster.compact();
    },
    "27": runningPods,
  },
  during: { "13": changes, "19": moreChanges },
  request(_, { request }) {
    const { query } = request;
    const seconds = query?.["timeoutSeconds"];
    if (seconds === undefined) return request;
    // Nothing is left to come; the minute until a bookmark is two seconds here.
    return { ...request, query: { ...query, timeoutSeconds: Number(seconds) > 100 ? "4" : "1" } };
  },
  leftOut: [
    {
      of: "24",
      paths: ["items[].metadata.resourceVersion", "items[].data"],
      why: "the watch of 19, and the second change that it saw, went on until later there",
    },
    {
      of: "03",
      paths: ["items[].metadata.annotations", "items[].metadata.managedFields", "items[].data"],
      why: marks,
    },
    {
      of: "11",
      paths: ["columnDefinitions[].description"],
      why: "descriptions of columns are not shown by kubectl",
    },
    { of: "11", paths: ["rows[].cells"], why: "an age of some seconds, which are others here" },
    {
      of: "27",
      paths: ["items"],
      why: "a pod of another folder's Deployment: here its page is told, not its form",
    },
  ],
});

/** w6 comes, changes, loses the label, has it again, and goes. */
async function changes(stage: Stage): Promise<void> {
  await new Promise((done) => setTimeout(done, 200));
  await stage.ask("POST", maps, configMap("w6", { ...labelled, data: { v: "1" } }));
  await stage.ask("PATCH", `${maps}/w6`, { data: { v: "2" } }, merge);
  await stage.ask("PATCH", `${maps}/w6`, { metadata: { labels: { set: "x" } } }, merge);
  await stage.ask("PATCH", `${maps}/w6`, { metadata: { labels: { set: "w" } } }, merge);
  await stage.ask("DELETE", `${maps}/w6`);
}

async function moreChanges(stage: Stage): Promise<void> {
  await new Promise((done) => setTimeout(done, 200));
  await stage.ask("PATCH", `${maps}/w1`, { data: { v: "3" } }, merge);
  await stage.ask("PATCH", `${maps}/w1`, { data: { v: "4" } }, merge);
}

async function runningPods(stage: Stage): Promise<void> {
  for (const name of ["one", "two"]) {
    const spec = { containers: [{ name: "main", image: "bbsh:1" }] };
    await stage.ask("POST", `${demo}/pods`, { apiVersion: "v1", kind: "Pod", metadata: { name }, spec });
    await stage.ask("PATCH", `${demo}/pods/${name}/status`, { status: { phase: "Running" } }, merge);
  }
}
