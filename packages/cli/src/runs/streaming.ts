/** Whether what agents say is shown as they say it, and where it goes. */
import type { LiveItem } from "@agentflow/sdk/client";
import { Flags } from "../flags.ts";
import type { Output } from "../output/output.ts";
import type { Progress } from "./progress.ts";

export const streamFlag = Flags.boolean({
  allowNo: true,
  description: "show what agents say as they say it: on a terminal anyway, elsewhere only with --stream",
});

/** On a terminal unless it was declined; elsewhere only where it was asked for. */
export function onLiveOf(
  stream: boolean | undefined,
  { output, progress }: { readonly output: Output; readonly progress: Progress },
) {
  if (!(stream ?? (output.talkTerminal && !output.json))) return {};
  const onLive = (item: Exclude<LiveItem, { readonly kind: "event" }>): void => {
    if (!output.json) return progress.live(item);
    const { kind, ...body } = item;
    if (item.kind === "journal") output.record(kind, item.record);
    else output.record(kind, body);
  };
  return { onLive };
}
