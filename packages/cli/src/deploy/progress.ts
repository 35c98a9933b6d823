/** A deploy as it goes on: objects by their kind and name, the ones that run nothing in one line. */
import type { DeployProgress, ShownObject } from "@agentflow/cluster/kubernetes";
import type { Shown } from "../targets/progress.ts";

const runs = /^(Deployment|StatefulSet|Job)\//;

/** `release` is cut off the names: each begins with it. */
export function deployProgress(shown: Shown, release: string): DeployProgress {
  const last = new Map<string, ShownObject>();
  return {
    step: (text) => {
      shown.step(text);
    },
    object: (title, state: ShownObject) => {
      // A state is said once, however often it is looked at.
      if (last.get(title) === state) return;
      last.set(title, state);
      const [kind = "", name = ""] = title.split("/");
      const short = name === release ? kind : `${kind} ${name.replace(`${release}-`, "")}`;
      if (runs.test(title) || state === "removed" || state === "failed") shown.container(short, state);
      else if (state === "creating" || state === "changing") shown.step(`applying ${short}`);
      else if (kind === "Namespace") shown.step(`namespace ${name} is made`);
    },
  };
}
