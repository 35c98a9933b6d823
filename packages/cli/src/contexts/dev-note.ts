import { chooseContext } from "../config/choose-context.ts";
import { contextPlaces } from "../config/context-places.ts";
import { devContext } from "../config/contexts.ts";
import { dim, type Text, yellow } from "../output/text.ts";

/** `af dev` runs here whatever is in use; that other commands go elsewhere is worth a line. */
export function elsewhereNote(folder: string): Text | undefined {
  try {
    const places = contextPlaces({ folder, environment: process.env });
    const choice = chooseContext(places, { environment: process.env });
    // Nobody chose: once this runs, they come here.
    if (choice.by === "default") return undefined;
    if (choice.kind === "context" && choice.name === devContext) return undefined;
    const whom = choice.kind === "context" ? choice.name : choice.url;
    const next = choice.by === "environment" ? `unset ${choice.place}` : "af context use dev";
    return [yellow(`other commands here go to ${whom}`), dim(`  ${choice.place}; to this one: ${next}`)];
  } catch {
    // What is wrong with the files of contexts concerns those who use them.
    return undefined;
  }
}
