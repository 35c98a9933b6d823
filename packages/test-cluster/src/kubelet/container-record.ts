/** What the kubelet knows of one container, and how its status says it. */
import type { Image, Running } from "../runtime/runtime.ts";
import type { Container, ContainerState, ContainerStatus } from "../world/parse-kinds.ts";
import type { LogBook } from "./log-book.ts";

export interface ContainerRecord {
  readonly container: Container;
  readonly init: boolean;
  state: ContainerState;
  lastState: ContainerState;
  restartCount: number;
  started: boolean;
  ready: boolean;
  image: Image | undefined;
  id: string | undefined;
  running: Running | undefined;
  log: LogBook | undefined;
  previousLog: LogBook | undefined;
}

export function containerRecord(container: Container, init: boolean, waitsFor: string): ContainerRecord {
  return {
    container,
    init,
    state: { waiting: { reason: waitsFor } },
    lastState: {},
    restartCount: 0,
    started: false,
    ready: false,
    image: undefined,
    id: undefined,
    running: undefined,
    log: undefined,
    previousLog: undefined,
  };
}

export function statusOf(record: ContainerRecord, scheme: string): ContainerStatus {
  const { container, state, lastState, ready, restartCount, image, id, started } = record;
  const ran = state.waiting === undefined || id !== undefined;
  return {
    name: container.name,
    state,
    lastState,
    ready,
    restartCount,
    image: ran && image !== undefined ? image.name : container.image,
    imageID: ran && image !== undefined ? image.id : "",
    ...(id !== undefined && { containerID: `${scheme}://${id}` }),
    started,
    ...(state.running !== undefined && { resources: container.resources ?? {} }),
    ...((container.volumeMounts ?? []).length > 0 && { volumeMounts: mountsOf(container) }),
  };
}

function mountsOf(container: Container): unknown {
  return (container.volumeMounts ?? []).map(({ name, mountPath, readOnly }) => ({
    name,
    mountPath,
    ...(readOnly === true && { readOnly, recursiveReadOnly: "Disabled" }),
  }));
}
