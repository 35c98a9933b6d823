/** Runs controllers: each change of an object makes those look again whom it concerns. */
import type { ObjectEvent, ObjectKey } from "../store.ts";
import type { World } from "./world.ts";

export interface Controller {
  readonly name: string;
  /** What it has to look at again after this change. */
  concerns(event: ObjectEvent): readonly ObjectKey[];
  /** Brings one object nearer to what is asked for. Answers in how many seconds to look again. */
  reconcile(key: ObjectKey): number | undefined;
}

/** One after another, each key once however often it was named. Answers with what ends it. */
export function runControllers(world: World, controllers: readonly Controller[]): () => void {
  const queue = new Map<string, { controller: Controller; key: ObjectKey }>();
  const later = new Map<string, () => void>();
  let woken: NodeJS.Immediate | undefined;
  let stopped = false;
  const add = (controller: Controller, key: ObjectKey) => {
    queue.set(idOf(controller, key), { controller, key });
    woken ??= setImmediate(drain);
  };
  const drain = () => {
    woken = undefined;
    const first = queue.entries().next();
    if (first.done || stopped) return;
    const [id, { controller, key }] = first.value;
    queue.delete(id);
    later.get(id)?.();
    later.delete(id);
    const again = controller.reconcile(key);
    if (again !== undefined) {
      const cancel = world.time.after(again, () => {
        later.delete(id);
        add(controller, key);
      });
      later.set(id, cancel);
    }
    if (queue.size > 0) woken ??= setImmediate(drain);
  };
  const seen = (event: ObjectEvent) => {
    for (const controller of controllers) {
      for (const key of controller.concerns(event)) add(controller, key);
    }
  };
  const end = world.store.subscribe(seen);
  for (const event of world.store.since(0) ?? []) seen(event);
  return () => {
    stopped = true;
    end();
    if (woken !== undefined) clearImmediate(woken);
    for (const cancel of later.values()) cancel();
  };
}

function idOf(controller: Controller, key: ObjectKey): string {
  return `${controller.name} ${key.resource} ${key.namespace} ${key.name}`;
}
