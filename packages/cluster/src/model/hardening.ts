/** What holds for every container of an installation, whatever part it is. */
export const hardening = {
  /** The user `node` of Debian's Node images; nothing runs as root. */
  user: "1000:1000",
  /** The only place that can be written besides its volumes. */
  tmpfs: { path: "/tmp", sizeMb: 256 },
  logs: { driver: "json-file", fileBytesMax: 10 * 1024 * 1024, files: 3 },
} as const;
