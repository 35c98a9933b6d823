import { askFirst, isAsked } from "./ask.ts";
import { type Ready, dispatch } from "./dispatch.ts";
import type { Evaluated } from "./evaluate.ts";
import type { Work } from "./work.ts";

/** A step or item whose time has come is sent to a worker, or shown to a person first. */
export function beginTask(work: Work, ready: Ready): Evaluated<undefined> {
  return isAsked(ready.step) ? askFirst(work, ready) : dispatch(work, ready);
}
