/** The generated pages of the reference, each made from the one place in the code that says it. */
import { errorsPage, exitCodesPage } from "./codes.ts";
import { eventsPage, journalPage } from "./events.ts";
import { filesPage } from "./files.ts";

export interface Page {
  /** Relative to `docs/reference`. */
  readonly file: string;
  readonly text: string;
}

export function referencePages(): readonly Page[] {
  return [
    { file: "errors.md", text: errorsPage() },
    { file: "exit-codes.md", text: exitCodesPage() },
    { file: "events.md", text: eventsPage() },
    { file: "journal.md", text: journalPage() },
    { file: "files.md", text: filesPage() },
  ];
}
