/** A file of the project that does not load; the fault itself may stand in another file. */
export class LoadError extends Error {
  readonly file: string;
  /** The export that is at fault, where it is one. */
  readonly exported: string | undefined;
  /** Where in the file, when that is known. */
  readonly place: { readonly line: number; readonly column: number } | undefined;

  constructor(
    file: string,
    cause: unknown,
    of: {
      readonly exported?: string;
      readonly place?: { readonly line: number; readonly column: number } | undefined;
    } = {},
  ) {
    super(`cannot load ${file}`, { cause });
    this.file = file;
    this.exported = of.exported;
    this.place = of.place;
  }
}
