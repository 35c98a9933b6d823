/** Journals as an engine shows them: what the log held, also once their runs have left it. */
import type { Engine } from "@agentflow/control-plane";
import { defaultTenant, type JournalView, parseId } from "@agentflow/protocol";
import type { Journal } from "./journal.ts";

type Ask = <T>(what: (engine: Engine) => Promise<T>) => Promise<T>;

export interface ShownJournals {
  readonly journals: ReadonlyMap<string, Journal>;
  readonly ask: Ask;
  /** Moves ended runs out of the log, where one engine owns all; gives back how many. */
  archive(): Promise<number>;
  readonly isTorn: (run: string) => boolean;
}

export async function checkShownJournals(
  of: ShownJournals,
  say: (run: string, what: string) => void,
): Promise<void> {
  const { journals, ask, isTorn } = of;
  const byRun = Map.groupBy(journals.values(), ({ run }) => run);
  const look = async (where: string): Promise<void> => {
    for (const [run, own] of byRun) {
      if (isTorn(run)) continue;
      const shown = (await shownOf(run, ask)).map(textOf);
      const wanted = own
        .flatMap(({ step, records }) => records.map((stored) => ({ run, step, ...stored })))
        .toSorted((a, b) => a.revision - b.revision)
        .map(textOf);
      if (shown.join("\n") !== wanted.join("\n"))
        say(run, `${where} ${shown.length} records of its journals are shown, not ${wanted.length}`);
    }
  };
  await look("in the log");
  if (byRun.size > 0 && (await of.archive()) > 0) await look("in the archive");
}

async function shownOf(id: string, ask: Ask): Promise<readonly JournalView[]> {
  const run = parseId("run", id);
  const records: JournalView[] = [];
  for (let after: string | undefined; ; ) {
    const query = after === undefined ? { limit: 7 } : { limit: 7, after };
    const page = await ask((engine) => engine.runs.journal(defaultTenant, run, query));
    records.push(...page.records);
    after = page.cursor;
    if (after === undefined) return records;
  }
}

function textOf({ step, revision, record }: JournalView): string {
  return `${step} ${revision} ${JSON.stringify(record)}`;
}
