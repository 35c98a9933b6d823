/** Numbers for what one process says: by them a reader knows what it has, and what it never got. */
export interface Numbering {
  /** Names the process and its start: another start is another writer. */
  readonly writer: string;
  next(): number;
}

export function createNumbering(name: string, startedMs: number): Numbering {
  const writer = `${name.slice(0, 100)}.${Math.max(0, Math.floor(startedMs)).toString(36)}`;
  let last = 0;
  return { writer, next: () => ++last };
}

/**
 * The beginning of a record's JSON text: readers of plain output find writer and number without
 * parsing it.
 */
export function numbered({ writer, next }: Numbering): string {
  return `"writer":${JSON.stringify(writer)},"seq":${next()},`;
}
