/** What a person should know of a release, and would not see in its objects. */
import { type Making, partOf, partsOf } from "./making.ts";

export function notesOf(making: Making): readonly string[] {
  return [...scalingNotes(making), ...copiesNotes(making), ...doorNotes(making)];
}

function scalingNotes({ settings, keda }: Making): string[] {
  const scaled = Object.entries(settings.scaling);
  if (scaled.length === 0 || keda) return [];
  const pools = scaled.map(([pool]) => pool).join(", ");
  const zero = scaled.filter(([, { min }]) => min === 0).map(([pool]) => pool);
  return [
    `KEDA is not there: ${pools} scaled by processors, not by the tasks that wait`,
    ...(zero.length === 0 ? [] : [`without KEDA at least one worker of ${zero.join(", ")} stays (min: 0)`]),
  ];
}

function copiesNotes(making: Making): string[] {
  const { settings } = making;
  const single = [...partsOf(making, "nats"), ...partsOf(making, "control-plane")]
    .filter(({ replicas }) => replicas === 1)
    .map(({ name }) => name);
  const nobody = partOf(making, "register") === undefined;
  return [
    ...(single.length === 0 ? [] : [`one copy of ${single.join(" and ")}: emptying its node is a pause`]),
    ...(nobody ? ["no pool has a worker, so no workflow is registered"] : []),
    ...(settings.storage.filesGb === undefined
      ? []
      : ["the volume of tools' files is shared by nodes: its storage class must allow ReadWriteMany"]),
  ];
}

function doorNotes({ settings }: Making): string[] {
  const { ingress } = settings;
  if (ingress === undefined || ingress.tlsSecret !== undefined) return [];
  return [`the API is under ${ingress.host} without a certificate: tokens cross the network in the clear`];
}
