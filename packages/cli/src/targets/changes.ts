/** A plan as people read it. */
import type { Change } from "@agentflow/cluster/docker";
import { type Text, bold, dim, green, red, yellow } from "../output/text.ts";

/** As it stands in `--json`. */
export interface ChangeView {
  readonly change: "create" | "replace" | "start" | "remove";
  readonly object: "network" | "volume" | "container";
  readonly name: string;
  readonly why?: string;
  readonly image?: string;
  /** Of a container that is replaced. */
  readonly imageBefore?: string;
}

export function changeViews(changes: readonly Change[]): ChangeView[] {
  return changes.flatMap((change): ChangeView[] => {
    switch (change.kind) {
      case "create_network":
        return [{ change: "create", object: "network", name: change.name }];
      case "remove_network":
        return [
          { change: "remove", object: "network", name: change.name, why: "there are two of that name" },
        ];
      case "create_volume":
        return [{ change: "create", object: "volume", name: change.volume.name }];
      case "create":
        return [
          { change: "create", object: "container", name: change.wanted.name, image: change.wanted.image },
        ];
      case "replace": {
        const { wanted, old, why } = change;
        const before = old.image === wanted.image ? {} : { imageBefore: old.image };
        return [
          { change: "replace", object: "container", name: wanted.name, why, image: wanted.image, ...before },
        ];
      }
      case "start":
        return [{ change: "start", object: "container", name: change.wanted.name, why: change.old.state }];
      case "remove":
        return [{ change: "remove", object: "container", name: change.old.name, why: "no longer wanted" }];
      default:
        return [];
    }
  });
}

export function changeText({ change, object, name, why, image, imageBefore }: ChangeView): Text {
  const signs = { create: green("+ "), replace: yellow("± "), start: green("▸ "), remove: red("- ") };
  const images = imageBefore === undefined ? "" : dim(`  ${imageBefore} → ${image ?? ""}`);
  const what = object === "container" ? "" : dim(`${object} `);
  return [
    signs[change],
    change.padEnd(8),
    what,
    bold(name),
    why === undefined ? "" : dim(`  ${why}`),
    images,
  ];
}
