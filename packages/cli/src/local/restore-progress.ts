/** How far a restore is: one line that is drawn over, or one a stage where nobody looks. */
import type { RestoreProgress } from "@agentflow/control-plane/backup";
import type { Output } from "../output/output.ts";
import { dim } from "../output/text.ts";
import { counted } from "./backup-report.ts";

const words = {
  checking: "checking the file",
  writing: "writing",
  reading: "reading what was written",
} as const satisfies { readonly [stage in RestoreProgress["stage"]]: string };

export function showProgress(output: Output): (progress: RestoreProgress) => void {
  let told: RestoreProgress["stage"] | undefined;
  return ({ stage, done, total }) => {
    const isFirst = told === undefined;
    const isNew = told !== stage;
    told = stage;
    if (output.talkTerminal) {
      const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
      const line = dim(`${words[stage]}: ${done} of ${counted(total, "record")}, ${percent} %`);
      output.redraw([line], isFirst ? 0 : 1);
    } else if (isNew) output.say(dim(`${words[stage]}: ${counted(total, "record")}`));
  };
}
