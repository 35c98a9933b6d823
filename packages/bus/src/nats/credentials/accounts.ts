/** What a tenant's account shares with the installation's: the worker's own lists, nothing beside them. */
import { inboxRoot, type WorkerRole } from "./roles.ts";
import { permissionsOf } from "./permissions.ts";

export interface Shared {
  /** Carried to the installation, its answers back; `many`: one request has several. */
  readonly asked: readonly { readonly subject: string; readonly many: boolean }[];
  /** Said by the installation to the tenant. */
  readonly heard: readonly string[];
}

export function sharedWith(role: WorkerRole): Shared {
  const { publish, subscribe } = permissionsOf(role);
  const heard = subscribe.filter((subject) => !isLocal(subject));
  // What workers of a tenant tell each other stays in their account, as their answers do.
  const asked = publish.allow.filter((subject) => !isLocal(subject) && !heard.includes(subject));
  return { asked: asked.map((subject) => ({ subject, many: subject.includes(".MSG.NEXT.") })), heard };
}

function isLocal(subject: string): boolean {
  return subject.startsWith(`${inboxRoot}.`);
}
