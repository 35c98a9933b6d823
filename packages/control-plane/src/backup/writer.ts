/** Writes the records of a backup: what is named before what names it, each run's records in their order. */
import type { Blobs, Bus } from "@agentflow/bus";
import { installationKey, showRestored } from "../installation-id.ts";
import type { BackupBlob, BackupEntry, BackupRecord, BackupRow } from "./records.ts";
import { Tracks } from "./tracks.ts";

const entriesPerBatch = 512;
const charactersPerBatch = 4 * 1024 * 1024;
const blobsAtOnce = 16;
const rowsAtOnce = 64;

/** With `resumes` it goes on behind what an earlier writer of the same backup has left. */
export class Writer {
  /** Records that are durable. */
  done = 0;
  readonly #bus: Bus;
  readonly #by: string;
  readonly #blobs: BlobWriter;
  readonly #tracks: Tracks;
  #entries: BackupEntry[] = [];
  #characters = 0;
  #rows: BackupRow[] = [];

  constructor(bus: Bus, of: { readonly resumes: boolean; readonly by: string }) {
    this.#bus = bus;
    this.#by = of.by;
    this.#blobs = new BlobWriter(bus.blobs);
    this.#tracks = new Tracks(bus.log, of);
  }

  async add(record: BackupRecord): Promise<void> {
    switch (record.kind) {
      case "blob":
        return this.#blobs.add(record);
      case "entry":
        this.#entries.push(record);
        this.#characters += record.body.length;
        if (this.#entries.length >= entriesPerBatch || this.#characters >= charactersPerBatch)
          await this.flush();
        return;
      case "row":
        this.#rows.push(record);
        if (this.#rows.length >= rowsAtOnce) await this.flush();
        return;
      default:
        return;
    }
  }

  /** Everything that was added is durable when it resolves. */
  async flush(): Promise<void> {
    await this.#blobs.settle();
    const entries = this.#entries;
    const bySubject = Map.groupBy(entries, ({ subject }) => subject);
    this.#entries = [];
    this.#characters = 0;
    await Promise.all([...bySubject].map(([subject, records]) => this.#tracks.write(subject, records)));
    const rows = this.#rows;
    this.#rows = [];
    await Promise.all(rows.map((row) => this.#bus.table.put(row.key, this.#valueOf(row), { expect: "any" })));
    this.done += entries.length + rows.length;
  }

  /** Whoever has read of the installation before learns that it is to be read anew. */
  #valueOf({ key, value }: BackupRow): string {
    return key === installationKey
      ? showRestored(value, { restored: this.#by, logs: this.#bus.log.lanes })
      : value;
  }
}

/** Puts blobs together from their parts, some of them on their way to the disk at once. */
class BlobWriter {
  readonly #to: Blobs;
  #parts: Buffer[] = [];
  #writing: Promise<void>[] = [];

  constructor(to: Blobs) {
    this.#to = to;
  }

  async add({ key, data, last }: BackupBlob): Promise<void> {
    this.#parts.push(Buffer.from(data, "base64"));
    if (!last) return;
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    const writing = this.#to.put(key, bytes);
    // Looked at when they are waited for; until then a failure is nobody's surprise.
    writing.catch(() => undefined);
    this.#writing.push(writing);
    if (this.#writing.length >= blobsAtOnce) await this.settle();
  }

  async settle(): Promise<void> {
    const writing = this.#writing;
    this.#writing = [];
    await Promise.all(writing);
  }
}
