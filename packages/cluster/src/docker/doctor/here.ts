import { isRemote } from "../engine/address.ts";
import type { Engine } from "../engine/open.ts";

/** Whether ports of the engine's machine are also this machine's. */
export function isHere(engine: Engine): boolean {
  return !isRemote(engine.address);
}
