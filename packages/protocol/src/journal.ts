/** An entry of an agent step's journal, on the subject `turn`; what the kinds hold is the agent's affair. */
export interface JournalEntry {
  readonly v: 1;
  readonly kind: string;
  readonly [key: string]: unknown;
}
