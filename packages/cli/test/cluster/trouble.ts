/** What goes wrong, and how it is said: to a cluster that has been told the core. */
import { expect } from "vitest";
import { makeUnreadable, nextControlPlane } from "./control-plane.ts";
import { deployerIn, grantAll } from "./deployer.ts";
import { inFlight, quickRun } from "./runs.ts";
import { buildIn, settings, stepsOf, type Told } from "./steps.ts";
import { until } from "./story.ts";

export function tellTrouble(told: Told): void {
  const { step } = stepsOf(told);

  step(
    "an image that is not there is told with the cluster's words: exit 6; the next deploy is well",
    async () => {
      const image = "worker=registry.invalid/none:0bad0bad0bad";
      const bad = await told.story.af(6, "deploy", "prod", "--image", image);
      expect(bad.stderr).toContain("its image cannot be pulled");
      expect(bad.stderr).toContain("what the cluster says:");
      expect(await quickRun(told.story)).toBe("B");
      const good = await told.story.af(0, "deploy", "prod");
      expect(buildIn(good.stdout)).toBe(told.builds.b);
      const gone = await told.story.af(0, "deploy", "gc", "prod");
      expect(gone.stdout).toContain("worker-default-0bad0bad0bad");
    },
  );

  step("a pool that the project has no more goes with its build", async () => {
    const { story, builds } = told;
    await settings(story, ["default", "extra"]);
    const more = buildIn((await story.af(0, "deploy", "prod")).stdout);
    const both = await story.af(0, "deploy", "status", "prod");
    expect(both.stdout).toMatch(new RegExp(`^worker-extra +${more} +1/1 +ready `, "m"));
    await settings(story, ["default"]);
    const { stdout } = await story.af(0, "deploy", "prod");
    expect(buildIn(stdout)).toBe(builds.b);
    const gone = await story.af(0, "deploy", "gc", "prod");
    expect(gone.stdout).toContain(`worker-default-${more}`);
    expect(gone.stdout).toContain(`worker-extra-${more}`);
    const { stdout: left } = await story.af(0, "deploy", "status", "prod");
    expect(left).not.toContain("worker-extra");
  });

  step(
    "what somebody else has changed is theirs until it is taken: exit 8, then --force-conflicts",
    async () => {
      const { cluster } = told.story.live;
      const { namespace, release } = told.story;
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${release}-control-plane`;
      await cluster.send("editing the control plane", {
        method: "PATCH",
        path,
        query: { fieldManager: "kubectl-edit" },
        contentType: "application/merge-patch+json",
        body: { spec: { revisionHistoryLimit: 7 } },
      });
      const refused = await told.story.af(8, "deploy", "prod");
      expect(refused.stderr).toMatch(/-control-plane \.spec\.revisionHistoryLimit {2}\(kubectl-edit\)/);
      expect(refused.stderr).toContain("a field is managed by kubectl-edit; nothing was applied");
      const forced = await told.story.af(0, "deploy", "prod", "--force-conflicts");
      expect(forced.stderr).toContain("1 changed");
      expect(await cluster.send("reading it", { method: "GET", path })).toMatchObject({
        spec: { revisionHistoryLimit: 2 },
      });
    },
  );

  step(
    "who may not is told all that is missing: exit 5; rights in the namespace alone are enough",
    async () => {
      const { live } = told.story;
      const namespace = live.namespace("rights");
      const target = { ...live.target, namespace, storage: { natsGb: 1 } };
      told.story.project.settings({ pools: ["default"], targets: { rights: target } });
      const deployer = await deployerIn(told.story, namespace);
      const refused = await deployer.af(5, "deploy", "rights", ...named);
      expect(refused.stderr).toMatch(/may not .*deployments\.apps.* in namespace/);
      expect(refused.stderr).toContain("nothing was changed");
      await grantAll(live.cluster, namespace);
      const plan = await deployer.af(16, "deploy", "rights", "--plan", ...named);
      expect(plan.stdout).toMatch(/^\+ create {2}StatefulSet /m);
      expect(plan.stderr).toContain("may not be asked");
      deployer.remove();
      await settings(told.story, ["default"]);
    },
  );

  step("a namespace without room refuses before anything is made: exit 8", async () => {
    const { cluster } = told.story.live;
    const namespace = told.story.live.namespace("elsewhere");
    await cluster.ask("making a namespace", ({ core }) =>
      core.createNamespace({ body: { metadata: { name: namespace } } }),
    );
    await cluster.ask("making a quota", ({ core }) =>
      core.createNamespacedResourceQuota({
        namespace,
        body: { metadata: { name: "small" }, spec: { hard: { "requests.cpu": "300m" } } },
      }),
    );
    const refused = await told.story.af(8, "deploy", "elsewhere", ...named);
    expect(refused.stderr).toMatch(/has no room: small: requests\.cpu [0-9.]+ wanted, 0\.3 left of 300m/);
    const { items } = await cluster.ask("listing", ({ apps }) =>
      apps.listNamespacedDeployment({ namespace }),
    );
    expect(items).toEqual([]);
  });

  step(
    "Ctrl-C ends the waiting alone: exit 130; a killed deploy leaves no lock; no node: exit 6",
    async () => {
      const stopped = told.story.begin("deploy", "nowhere", ...named);
      await until("it waits", () => /Job keys-\w+ starts/.test(stopped.said.stderr));
      stopped.child.kill("SIGINT");
      expect(await stopped.ended).toBe(130);
      expect(stopped.said.stderr).toContain("stopped waiting; what was applied goes on in the cluster");
      expect(stopped.said.stderr).toContain("how it is: af deploy status nowhere");
      const killed = told.story.begin("deploy", "nowhere", ...named);
      await until("it waits", () => /Job keys-\w+ starts/.test(killed.said.stderr));
      process.kill(killed.child.pid ?? 0, "SIGKILL");
      expect(await killed.ended).toBeNull();
      const next = await told.story.af(6, "deploy", "nowhere", "--timeout", "20s", ...named);
      expect(next.stderr).toContain("no node takes its pod");
      const status = await told.story.af(6, "deploy", "status", "nowhere");
      expect(status.stdout).toMatch(/^keys .* failed /m);
    },
  );

  step(
    "another control plane reads all live histories first; one that cannot is refused: exit 15",
    async () => {
      const ask = await told.story.api(async ({ runs }) => (await runs.start("ask", { n: 1 })).run);
      await inFlight(told.story, { working: 0, asking: 1 });
      const next = await nextControlPlane(told.story, "next");
      const good = await told.story.af(0, "deploy", "prod", "--image", `control-plane=${next}`);
      expect(good.stderr).toContain("the new control plane reads all live histories");
      await inFlight(told.story, { working: 0, asking: 1 });
      await makeUnreadable(told.story, ask);
      const before = (await told.story.af(0, "deploy", "list", "prod", "--json")).stdout;
      const after = await nextControlPlane(told.story, "after");
      const refused = await told.story.af(15, "deploy", "prod", "--image", `control-plane=${after}`);
      expect(refused.stderr).toContain("cannot read every history that is alive; nothing was applied");
      expect(refused.stderr).toContain(ask);
      const list = (await told.story.af(0, "deploy", "list", "prod", "--json")).stdout;
      expect(JSON.parse(list).data.items).toEqual(JSON.parse(before).data.items);
    },
  );
}

/** Images that nobody runs: what is refused before anything runs needs none. */
const named = [
  "--image",
  "control-plane=agentflow/control-plane:none",
  "--image",
  "worker=agentflow/none:0f3a12bc44de",
];
