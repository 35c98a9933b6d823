/** Ending a container: its preStop hook, then a signal, then, when its time is over, the one that ends it. */
import { get as httpGet } from "node:http";
import type { Running } from "../runtime/runtime.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { PodContext } from "./container-context.ts";
import { portOf } from "./probes.ts";
import { wallSleep } from "./stop-signal.ts";

export async function endContainer(
  context: PodContext,
  record: ContainerRecord,
  running: Running,
): Promise<void> {
  const { deletionGracePeriodSeconds } = context.pod().metadata;
  const grace = deletionGracePeriodSeconds ?? context.pod().spec.terminationGracePeriodSeconds ?? 30;
  const limit = wallSleep(grace);
  let over = false;
  void limit.over.then(() => (over = true));
  await Promise.race([runHook(context, record, running), limit.over, running.ended]);
  if (!isOver()) {
    running.signal("SIGTERM");
    await Promise.race([running.ended, limit.over]);
  }
  running.signal("SIGKILL");
  limit.cancel();
  await running.ended;
  function isOver(): boolean {
    return over;
  }
}

async function runHook(context: PodContext, record: ContainerRecord, running: Running): Promise<void> {
  const hook = record.container.lifecycle?.preStop;
  if (hook?.sleep !== undefined) await wallSleep(hook.sleep.seconds).over;
  if (hook?.exec !== undefined) {
    try {
      const execution = await running.exec({ command: hook.exec.command, stdin: false, tty: false });
      const end = await execution.ended;
      if ("exitCode" in end && end.exitCode === 0) return;
      hookFailed(context, record, "exitCode" in end ? `command exited with ${end.exitCode}` : end.error);
    } catch (error) {
      hookFailed(context, record, error instanceof Error ? error.message : String(error));
    }
  }
  if (hook?.httpGet !== undefined) await callHook(context, record, hook.httpGet);
}

function hookFailed(context: PodContext, record: ContainerRecord, why: string): void {
  context.event(record, "Warning", { reason: "FailedPreStopHook", message: `PreStopHook failed: ${why}` });
}

type HttpHook = NonNullable<
  NonNullable<NonNullable<ContainerRecord["container"]["lifecycle"]>["preStop"]>["httpGet"]
>;

function callHook(context: PodContext, record: ContainerRecord, hook: HttpHook): Promise<void> {
  const { sandbox } = context;
  const headers = Object.fromEntries((hook.httpHeaders ?? []).map((one) => [one.name, one.value]));
  return new Promise((resolve) => {
    const sent = httpGet(
      {
        host: sandbox.probeHost ?? sandbox.address,
        port: portOf(record.container, hook.port),
        path: hook.path ?? "/",
        headers,
        agent: false,
      },
      (answer) => {
        answer.resume();
        answer.on("end", () => resolve());
      },
    );
    sent.on("error", (error) => {
      hookFailed(context, record, error.message);
      resolve();
    });
  });
}
