/** Every limit of the report in one place; the unit ends the name. */
export const limits = {
  lockfileBytesMax: 64 * 1024 * 1024,
  manifestBytesMax: 4 * 1024 * 1024,
  groupsMax: 16,
  packagesPerGroup: 32,
  // A step's value stands in the run's history up to 64 KiB. All groups together stay below that, and so do
  // facts and ranking side by side.
  groupBytesAllMax: 40 * 1024,
  factsBytesMax: 40 * 1024,
  rankingBytesMax: 16 * 1024,
  largestPerGroup: 4,
  largestInReport: 12,
  orphansShown: 8,
  wantedByMax: 3,
  pathsPerVersionMax: 12,
  filesPerPackageMax: 200_000,
  nameCharsMax: 214,
  pathCharsMax: 4_096,
  depthMax: 100,
  textCharsMax: 160,
} as const;

/** Cuts foreign text to a length, with a sign that it was cut. */
export function clip(text: string, charsMax: number = limits.textCharsMax): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1)}…`;
}
