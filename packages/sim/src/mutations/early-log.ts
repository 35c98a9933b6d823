/** A log that says "stored" before it is: commands leave, answers are given, then the commit may be lost. */
import type { Appended, Log, Revision } from "@agentflow/bus";
import type { Subject } from "@agentflow/protocol";
import { methods } from "./ports.ts";

export function earlyLog(log: Log): Log {
  /** The last append of each subject that was answered before it was done. */
  const underway = new Map<
    Subject,
    { readonly claimed: Revision; readonly done: Promise<Revision | undefined> }
  >();
  let newest: Revision = 0;
  const claim = (): Revision => {
    newest += 1 / 1_024;
    return newest;
  };
  const expected = async (subject: Subject, expect: Revision): Promise<Revision | undefined> => {
    const before = underway.get(subject);
    if (before === undefined || before.claimed !== expect) return expect;
    return before.done;
  };
  return {
    ...methods(log),
    append: async (subject, body, options): Promise<Appended> => {
      if (options.expect === "any") return log.append(subject, body, options);
      const { expect } = options;
      const store = async (): Promise<Revision | undefined> => {
        const real = await expected(subject, expect);
        if (real === undefined) return undefined;
        const appended = await log.append(subject, body, { expect: real });
        if (!appended.ok) return undefined;
        newest = Math.max(newest, appended.revision);
        return appended.revision;
      };
      const done = store().catch(() => undefined);
      const claimed = claim();
      underway.set(subject, { claimed, done });
      return { ok: true, revision: claimed };
    },
  };
}
