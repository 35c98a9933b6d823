/** What every cluster is told, and CI with it: from the first deploy to a build that is drained and gone. */
import { describe, expect } from "vitest";
import { endsOf, inFlight, numbered, quickRun, startAll } from "./runs.ts";
import { buildIn, stepsOf, type Told } from "./steps.ts";
import { until } from "./story.ts";

export function tellCore(told: Told): void {
  const { step, first, plain } = stepsOf(told);

  plain("a plan says what would be made, and makes nothing: exit 16", async () => {
    const { stdout, stderr } = await told.story.af(16, "deploy", "prod", "--plan");
    expect(stdout).toMatch(/^\+ create {2}Deployment \S+-control-plane$/m);
    expect(stderr).toContain(`namespace ${told.story.namespace} is not there yet and will be made`);
    expect(stderr).toContain("carry it out: af deploy prod");
    expect(await told.story.pods("control-plane")).toEqual([]);
  });

  first("the first deploy builds, brings, applies and waits", async () => {
    const { stdout, stderr } = await told.story.af(0, "deploy", "prod");
    expect(stderr).toMatch(/✓ prod is deployed: \d+ created/);
    told.builds.a = buildIn(stdout);
    expect(stdout).toMatch(/^revision 1 {2}build [0-9a-f]{12}/);
  });

  step("the same again changes nothing, and no revision is made", async () => {
    const { stdout, stderr } = await told.story.af(0, "deploy", "prod");
    expect(stderr).toContain("✓ prod is deployed: nothing had changed");
    expect(stdout).toMatch(/^revision 1 /);
    const plan = await told.story.af(0, "deploy", "prod", "--plan");
    expect(plan.stderr).toContain("nothing to change");
    const { stdout: list } = await told.story.af(0, "deploy", "list", "prod", "--json");
    expect(JSON.parse(list).data.items).toMatchObject([{ number: 1, outcome: "deployed" }]);
  });

  step("a run there answers here, and its trace shows its steps", async () => {
    const ran = await told.story.af(0, "run", "hello", "--context", "prod", "--input", '{"name":"Ada"}');
    expect(ran.stdout).toContain("Hello, Ada!");
    const [, run = ""] = /^run (r[0-9a-z]+) /m.exec(ran.stderr) ?? [];
    const trace = await told.story.af(0, "trace", run, "--context", "prod");
    expect(trace.stdout).toMatch(/greet[\s\S]*answer[\s\S]*talk/);
  });

  step("status shows every part ready, and the build with its runs", async () => {
    const { stdout } = await told.story.af(0, "deploy", "status", "prod");
    const parts = ["keys", "nats", "control-plane", "worker-default", "register"];
    for (const part of parts) expect(stdout).toMatch(new RegExp(`^${part} .* 1/1 +ready `, "m"));
    expect(stdout).toContain(`build ${told.builds.a}  newest  0 open runs`);
  });

  step(
    "each line of a tool is there once, also for who follows while the control plane is replaced",
    async () => {
      const words = ["logs", "--context", "prod", "--source", "tool", "-o", "logfmt"];
      const follower = told.story.begin(...words, "-f", "--tail", "0");
      const heard = (n: number): readonly number[] => numbered(follower.said.stdout, n);
      await until("it follows", async () => {
        await told.story.af(0, "run", "lines", "--context", "prod", "--input", '{"n":1}');
        return heard(1).length > 0;
      });
      const [old = ""] = await told.story.pods("control-plane");
      const { cluster } = told.story.live;
      await cluster.ask("deleting the control plane", ({ core }) =>
        core.deleteNamespacedPod({ namespace: told.story.namespace, name: old }),
      );
      await until("another one is there", async () => {
        const now = await told.story.pods("control-plane");
        return now.length === 1 && now[0] !== old;
      });
      await until("it answers", async () =>
        told.story.api(async (client) => (await client.builds.list()).items.length > 0).catch(() => false),
      );
      await told.story.af(0, "run", "lines", "--context", "prod", "--input", '{"n":2}');
      await until("all lines came", () => heard(2).length >= 100);
      follower.child.kill("SIGINT");
      await follower.ended;
      const all = Array.from({ length: 100 }, (_, n) => n + 1);
      expect(heard(2)).toEqual(all);
      const stored = await told.story.af(0, ...words, "--grep", "of 2$", "--tail", "1000");
      expect(numbered(stored.stdout, 2)).toEqual(all);
    },
  );

  describe("fifty runs in flight across a new build", () => {
    let old: readonly string[] = [];
    let fresh: readonly string[] = [];

    step("each stays where it is while the next build comes", async () => {
      old = await told.story.api(async ({ runs }) => [
        ...(await startAll(runs, "work", 35)),
        ...(await startAll(runs, "ask", 15)),
      ]);
      await inFlight(told.story, { working: 35, asking: 15 });
      told.story.project.code("B");
      const plan = await told.story.af(16, "deploy", "prod", "--plan");
      expect(plan.stdout).toMatch(/^\+ create {2}Deployment \S+-worker-default-[0-9a-f]{12}$/m);
      expect(plan.stdout).toMatch(/^- remove {2}Job \S+-register-\S+ {2}no longer wanted$/m);
      const { stdout } = await told.story.af(0, "deploy", "prod", "--reason", "more tools");
      told.builds.b = buildIn(stdout);
      expect(told.builds.b).not.toBe(told.builds.a);
      await inFlight(told.story, { working: 35, asking: 15 });
      fresh = await told.story.api(async ({ runs }) => [
        ...(await startAll(runs, "work", 5)),
        ...(await startAll(runs, "ask", 2)),
      ]);
      await inFlight(told.story, { working: 40, asking: 17 });
      const status = await told.story.af(0, "deploy", "status", "prod");
      expect(status.stdout).toContain(`build ${told.builds.a}  50 open runs`);
      expect(status.stdout).toContain(`build ${told.builds.b}  newest  7 open runs`);
    });

    step("a build with runs is neither drained nor removed, one that takes runs never", async () => {
      const { a, b } = told.builds;
      const late = await told.story.af(7, "deploy", "drain", a, "--target", "prod", "--timeout", "1s");
      expect(late.stderr).toContain(`50 runs are left on build ${a}`);
      const used = await told.story.af(8, "deploy", "drain", b, "--target", "prod");
      expect(used.stderr).toContain(`new runs begin on build ${b}`);
      const kept = await told.story.af(0, "deploy", "gc", "prod");
      expect(kept.stderr).toMatch(new RegExp(`build ${a} stays: 50 runs`));
      expect(await told.story.pods("worker-default", a)).toHaveLength(1);
    });

    step("back to the build before: new runs take it at once; and forth again", async () => {
      const back = await told.story.af(0, "deploy", "rollback", "--target", "prod");
      expect(buildIn(back.stdout)).toBe(told.builds.a);
      expect(await quickRun(told.story)).toBe("A");
      const list = await told.story.af(0, "deploy", "list", "prod");
      expect(list.stdout).toMatch(/^ *3 +deployed +[0-9a-f]{12} .*back to 1/m);
      expect(list.stdout).toMatch(/^ *2 +deployed +[0-9a-f]{12} .*more tools/m);
      const forth = await told.story.af(0, "deploy", "prod");
      expect(buildIn(forth.stdout)).toBe(told.builds.b);
      expect(await quickRun(told.story)).toBe("B");
      await inFlight(told.story, { working: 40, asking: 17 });
    });

    step(
      "let go they end, each on the build it began on; then the old one is drained and removed",
      async () => {
        const { a, b } = told.builds;
        const drain = told.story.begin("deploy", "drain", a, "--target", "prod");
        await until("it waits", () => drain.said.stderr.includes("50 left"));
        await told.story.open(a);
        await told.story.open(b);
        await told.story.api(async ({ approvals }) => {
          for (const { approval, hash } of (await approvals.list({ status: "open", limit: 100 })).approvals)
            await approvals.decide(approval, { hash, approve: true });
        });
        for (const [runs, code, build] of [
          [old, "A", a],
          [fresh, "B", b],
        ] as const)
          for (const ending of await endsOf(told.story, runs)) {
            const value = code.repeat(ending.workflow === "work" ? 3 : 2);
            expect(ending).toEqual({ ...ending, status: "completed", output: { value }, build });
          }
        expect(await drain.ended).toBe(0);
        expect(drain.said.stderr).toContain(`no run is left on ${a}`);
        await told.story.af(16, "deploy", "gc", "prod", "--plan");
        const gone = await told.story.af(0, "deploy", "gc", "prod");
        expect(gone.stdout).toContain(`worker-default-${a}`);
        const after = await told.story.af(0, "deploy", "status", "prod");
        expect(after.stdout).not.toContain(a);
      },
    );
  });
}
