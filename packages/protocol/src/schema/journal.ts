/** Schema of an entry of an agent step's journal: version and kind; the rest is read by kind. */
import { z } from "zod";

export const journalEntry = z.looseObject({
  v: z.literal(1).describe("Version of this record."),
  kind: z.string().min(1).describe("What the entry records."),
});
