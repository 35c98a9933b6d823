/** Where commands go, when that is not the `af dev` of this project; and whether it answers. */
import { chooseContext } from "../config/choose-context.ts";
import { contextPlaces } from "../config/context-places.ts";
import { devContext, findContext, listContexts } from "../config/contexts.ts";
import { apiChecks, failed } from "./api.ts";
import type { Check, Examined } from "./check.ts";

export async function contextChecks(of: Examined): Promise<Check[]> {
  const { environment, version } = of;
  try {
    const places = contextPlaces(of);
    const faults = listContexts(places).flatMap(({ fault }) =>
      fault === undefined ? [] : [failed("context", fault)],
    );
    const choice = chooseContext(places, { environment });
    if (choice.kind === "url")
      return [...faults, { name: choice.place, state: "note", fact: `commands go to ${choice.url}` }];
    if (choice.name === devContext) return faults;
    const context = findContext(places, choice.name);
    const where: Check = {
      name: "context",
      state: "note",
      fact: `commands go to ${choice.name} (${choice.place})`,
    };
    // What is up on an engine is looked at with its engine.
    const isAsked = context.kind === "remote";
    return [...faults, where, ...(isAsked ? await apiChecks(context, of, { version }) : [])];
  } catch (error) {
    return [failed("context", error)];
  }
}
