import { stringify } from "yaml";
import type { OpenedTarget } from "./target.ts";

/**
 * agentflow.yaml as it holds for the target, for the image of the project: with the overlay, and without
 * `targets`, so that other numbers of workers are no other code. The same text each time.
 */
export function effectiveYaml({ document }: Pick<OpenedTarget, "document">): string {
  return stringify(document, { lineWidth: 0, aliasDuplicateObjects: false });
}
