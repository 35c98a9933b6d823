import type { Operation } from "../parse-operation.ts";
import { buildOperations } from "./builds.ts";
import { busOperations } from "./bus.ts";
import { installationOperations } from "./installation.ts";
import { peopleOperations } from "./people.ts";
import { runOperations } from "./runs.ts";

/** Every operation of the API. Streams and sockets stand in `events.ts` and `socket.ts`. */
export const operations: readonly Operation[] = [
  ...runOperations,
  ...peopleOperations,
  ...installationOperations,
  ...busOperations,
  ...buildOperations,
];
