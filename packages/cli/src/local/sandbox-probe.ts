/** What a tool's sandbox would be on this machine: one is opened, looked at and ended; nothing runs in it. */
import { AgentFlowError, type SandboxApplied, type SandboxPlan } from "@agentflow/protocol";
import { loadSettings } from "./settings.ts";
import { sandboxSettingsOf } from "./sandbox-settings.ts";

export type SandboxProbe =
  | {
      readonly available: true;
      readonly applied: SandboxApplied;
      readonly ms: number;
      readonly engine?: string;
    }
  | {
      readonly available: false;
      readonly reason: string;
      readonly message: string;
      readonly suggestions: readonly string[];
      readonly engine?: string;
    };

const lifeMs = 30_000;

export async function probeSandbox(of: {
  readonly dir: string;
  readonly tool: string;
  readonly plan: SandboxPlan;
}): Promise<SandboxProbe> {
  const { dir, tool, plan } = of;
  const { value } = await loadSettings(dir, {});
  const settings = await sandboxSettingsOf(value.sandbox);
  const engine = settings.broker ?? settings.host;
  const where = engine === undefined ? {} : { engine };
  if (plan.refused !== undefined) {
    const suggestions = ["add the host to sandbox.network of agentflow.yaml, or take it out of the tool"];
    return { available: false, reason: "sandbox_refused", message: plan.refused, suggestions, ...where };
  }
  const [{ openSandboxSource }, { systemClock }] = await Promise.all([
    import("@agentflow/runtime/sandbox"),
    import("@agentflow/host/system"),
  ]);
  const source = openSandboxSource(
    { projectDir: dir, worker: `probe-${process.pid}`, tenant: "default" },
    settings,
    systemClock,
  );
  const { network, memoryMb, cpus, pids, tmpMb } = plan;
  const request = { network, memoryMb, cpus, pids, tmpMb, tool, run: "probe", step: "probe", lifeMs };
  const started = performance.now();
  try {
    const sandbox = await source.open(request, () => {});
    const ms = Math.round(performance.now() - started);
    sandbox.kill();
    await sandbox.exited;
    return { available: true, applied: sandbox.applied, ms, ...where };
  } catch (error) {
    const { reason, message, suggestions } = AgentFlowError.from(error, "a sandbox");
    return { available: false, reason, message, suggestions, ...where };
  } finally {
    await source.close();
  }
}
