/** A tar archive, as much of it as putting files into a container needs. */
export interface TarEntry {
  readonly path: string;
  readonly mode: number;
  readonly group: number;
  /** None for a folder. */
  readonly data?: Buffer;
}

const blockBytes = 512;

export function tar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const data = entry.data ?? Buffer.alloc(0);
    const padding = Buffer.alloc((blockBytes - (data.length % blockBytes)) % blockBytes);
    return [header(entry), data, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(blockBytes * 2)]);
}

function header({ path, mode, group, data }: TarEntry): Buffer {
  const block = Buffer.alloc(blockBytes);
  const name = data === undefined ? `${path}/` : path;
  if (Buffer.byteLength(name) > 100) throw new Error(`the path ${name} is too long for a volume`);
  block.write(name, 0);
  block.write(octal(mode, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(group, 7), 116);
  block.write(octal(data?.length ?? 0, 11), 124);
  block.write(octal(0, 11), 136);
  block.write("        ", 148);
  block.write(data === undefined ? "5" : "0", 156);
  block.write("ustar\u000000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\u0000 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
