export interface AuditRecord {
  /** Principal's name, or `unknown`. */
  readonly by: string;
  /** Operation id of the API. */
  readonly did: string;
  readonly outcome: "done" | "refused";
  readonly reason?: string;
  /** What it was done to: a run, a workflow, a key; a subject or a row of the bus. */
  readonly to?: string;
  /** As the caller calls itself; nobody has proven it. */
  readonly worker?: string;
  /** The tool that an agent asked for, as its model wrote it. */
  readonly tool?: string;
  /** The other tenant that it spoke of. */
  readonly tenant?: string;
}

export interface KeptAudit extends AuditRecord {
  readonly revision: number;
  readonly at: string;
  /** So many of the same reason and caller stand for this one. */
  readonly leftOut?: number;
}
