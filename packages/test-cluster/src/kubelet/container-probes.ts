/** The probes of one run of a container: startup first, then readiness and liveness. */
import type { Running } from "../runtime/runtime.ts";
import type { Probe } from "../world/parse-kinds.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { PodContext } from "./container-context.ts";
import { watchProbe } from "./probes.ts";

export function superviseProbes(
  context: PodContext,
  record: ContainerRecord,
  running: Running,
  kill: () => void,
): { readonly stop: () => void } {
  const stops: (() => void)[] = [];
  const stop = () => {
    for (const one of stops) one();
  };
  const watch = (name: string, probe: Probe, judged: (healthy: boolean) => void) => {
    const of = { container: record.container, running, sandbox: context.sandbox };
    const failed = (output: string) => {
      const message = `${name} probe failed: ${output}`;
      context.event(record, "Warning", { reason: "Unhealthy", message });
    };
    stops.push(watchProbe(context.world, probe, of, { judged, failed }));
  };
  const fatal = (name: string) => {
    stop();
    const message = `Container ${record.container.name} failed ${name} probe, will be restarted`;
    context.event(record, "Normal", { reason: "Killing", message });
    kill();
  };
  const { startupProbe, readinessProbe, livenessProbe } = record.container;
  const begin = () => {
    if (readinessProbe !== undefined) {
      watch("Readiness", readinessProbe, (healthy) => {
        record.ready = healthy;
        context.publish();
      });
    }
    if (livenessProbe !== undefined) {
      watch("Liveness", livenessProbe, (healthy) => {
        if (!healthy) fatal("liveness");
      });
    }
  };
  if (startupProbe === undefined) begin();
  else {
    watch("Startup", startupProbe, (healthy) => {
      stop();
      stops.length = 0;
      if (!healthy) {
        fatal("startup");
        return;
      }
      record.started = true;
      record.ready = readinessProbe === undefined;
      context.publish();
      begin();
    });
  }
  // What stops the pod stops the probes: a container that is ending is not asked any more.
  context.stop.addEventListener("abort", stop, { once: true });
  return { stop };
}
