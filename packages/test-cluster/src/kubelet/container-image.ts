/** A container's image: there, pulled, or the reason why it cannot be had. */
import type { ContainerRecord } from "./container-record.ts";
import type { PodContext } from "./container-context.ts";
import { sleep } from "./stop-signal.ts";

const syncSeconds = 12;
const firstBackoffSeconds = 10;
const longestBackoffSeconds = 300;

/** Answers false when the pod stopped before it could be had. */
export async function obtainImage(context: PodContext, record: ContainerRecord): Promise<boolean> {
  for (let failures = 0; !context.stop.aborted; ) {
    const reference = record.container.image;
    const invalid = invalidName(reference);
    if (invalid !== undefined) {
      say(context, record, { reason: "InspectFailed", message: invalid });
      await wait(context, record, { reason: "InvalidImageName", message: invalid });
      continue;
    }
    const policy = record.container.imagePullPolicy ?? "IfNotPresent";
    const image = await context.runtime.image(reference);
    if (image !== undefined && policy !== "Always") {
      const present = "already present on machine and can be accessed by the pod";
      const message = `Container image "${reference}" ${present}`;
      context.event(record, "Normal", { reason: "Pulled", message });
      record.image = image;
      return true;
    }
    if (policy === "Never") {
      const message = `Container image "${reference}" is not present with pull policy of Never`;
      say(context, record, { reason: "ErrImageNeverPull", message });
      await wait(context, record, { reason: "ErrImageNeverPull", message });
      continue;
    }
    if (await pull(context, record)) return true;
    failures += 1;
    await backOff(context, record, failures);
  }
  return false;
}

interface Fault {
  readonly reason: string;
  readonly message: string;
}

function say(context: PodContext, record: ContainerRecord, { reason, message }: Fault): void {
  context.event(record, "Warning", { reason, message });
}

/** Nothing to try: until the next sync. */
async function wait(context: PodContext, record: ContainerRecord, fault: Fault): Promise<void> {
  say(context, record, { reason: "Failed", message: `Error: ${fault.reason}` });
  record.state = { waiting: fault };
  context.publish();
  await sleep(context.world.time, syncSeconds, context.stop);
}

async function pull(context: PodContext, record: ContainerRecord): Promise<boolean> {
  const reference = record.container.image;
  context.event(record, "Normal", { reason: "Pulling", message: `Pulling image "${reference}"` });
  const began = performance.now();
  try {
    await context.runtime.pull(reference);
    record.image = await context.runtime.image(reference);
    const took = Math.round(performance.now() - began);
    const message = `Successfully pulled image "${reference}" in ${took}ms (${took}ms including waiting)`;
    context.event(record, "Normal", { reason: "Pulled", message });
    return true;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    say(context, record, { reason: "Failed", message: `Failed to pull image "${reference}": ${why}` });
    say(context, record, { reason: "Failed", message: "Error: ErrImagePull" });
    record.state = { waiting: { reason: "ErrImagePull", message: why } };
    context.publish();
    return false;
  }
}

async function backOff(context: PodContext, record: ContainerRecord, failures: number): Promise<void> {
  const seconds = Math.min(firstBackoffSeconds * 2 ** (failures - 1), longestBackoffSeconds);
  const reference = record.container.image;
  const why = record.state.waiting?.message ?? "";
  await sleep(context.world.time, seconds / 2, context.stop);
  if (context.stop.aborted) return;
  const backing = `Back-off pulling image "${reference}"`;
  context.event(record, "Normal", { reason: "BackOff", message: backing });
  say(context, record, { reason: "Failed", message: "Error: ImagePullBackOff" });
  record.state = { waiting: { reason: "ImagePullBackOff", message: `${backing}: ErrImagePull: ${why}` } };
  context.publish();
  await sleep(context.world.time, seconds / 2, context.stop);
}

function invalidName(reference: string): string | undefined {
  if (/^[a-z0-9]+([._:/@-][a-zA-Z0-9_]+|[._-]{2}[a-z0-9]+)*$/.test(reference)) return undefined;
  const name = reference.includes("/") ? reference : `library/${reference}`;
  const fault = /[A-Z]/.test(reference)
    ? `invalid reference format: repository name (${name}) must be lowercase`
    : "invalid reference format";
  const unparsed = `couldn't parse image name "${reference}": ${fault}`;
  return `Failed to apply default image tag "${reference}": ${unparsed}`;
}
