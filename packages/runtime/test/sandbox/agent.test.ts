/** Calls of an agent that ran in a sandbox: its journal says in which, whatever became of them. */
import { viewTurn } from "@agentflow/core/turn";
import type { SandboxApplied } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { agent, asks, gives, kit, manifestOf, says, took, tool } from "../agents/drive-kit.ts";

const sandbox: SandboxApplied = {
  profile: "docker",
  runtime: "runsc",
  image: "sha256:abc",
  network: ["api.example.com:443"],
  memoryMb: 128,
  cpus: 0.5,
  pids: 32,
  tmpMb: 16,
  user: "1000:1000",
  seccomp: "default",
  engine: "docker 1",
};

const manifest = manifestOf({
  tools: [tool("code.run", {}), tool("mail.send", { effect: "irreversible" })],
  agents: [agent("main", { spec: { tools: [{ tool: "code.run" }, { tool: "mail.send" }] } })],
});

test.each([
  ["returns", gives(1), "call_returned"],
  ["fails", { kind: "failed", failure: { code: "x", message: "y" }, ...took } as const, "call_failed"],
  ["is lost", { kind: "lost", reason: "gone" } as const, "call_lost"],
])("a call that %s", async (_, end, kind) => {
  let n = 0;
  const replies = [asks({ tool: "code__run" }), says("done")];
  const all = kit(manifest, (call) => (call.kind === "model" ? replies[n++] : end));
  await all.until(all.drive({ sandbox }).end);
  const events = (await all.journal()).flatMap((record) => record.events);
  expect(events.find((event) => event.kind === kind)).toMatchObject({ sandbox });
  const view = viewTurn(events, {
    step: "s",
    count: events.length,
    resolve: (value) => ("inline" in value ? value.inline : null),
  });
  expect(view.calls).toMatchObject([{ tool: "code__run", sandbox }]);
  const spans = all.records.flatMap((record) => (record.kind === "span" ? [record.attributes] : []));
  expect(JSON.stringify(spans)).toContain("docker (runsc), network api.example.com:443 alone, 128 MiB");
});

test("an irreversible one that is lost waits for a person, who is told where it ran", async () => {
  const all = kit(manifest, (call) => {
    return call.kind === "model" ? asks({ tool: "mail__send" }) : { kind: "lost", reason: "gone" };
  });
  await all.until(all.drive({ sandbox }).end);
  const events = (await all.journal()).flatMap((record) => record.events);
  expect(events.find(({ kind }) => kind === "call_unknown")).toMatchObject({ sandbox });
});
