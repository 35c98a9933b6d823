/**
 * What an expression may cost. Everything here is a count, never a clock: the same input always ends the
 * same way.
 */
export const exprLimits = {
  sourceCharsMax: 2_000,
  astNodesMax: 1_000,
  astDepthMax: 128,
  /** Loops (map, filter, all, exists, exists_one) inside the body of another loop: two levels, no third. */
  macroNestingMax: 2,
  /** Elements that all loops of one evaluation visit, inner ones counted each time. */
  elementsMax: 10_000,
  /** Elements of a list that an expression makes. */
  listItemsMax: 10_000,
  /** Steps of work in one evaluation, about 0.1 us each; loops are charged before they run. */
  workMax: 400_000,
  /** Characters of a string that an expression makes. */
  textCharsMax: 256 * 1024,
  /** Characters of the JSON text of a result, and how deep it may nest. */
  resultCharsMax: 256 * 1024,
  resultDepthMax: 200,
  durationCharsMax: 48,
  /** Compiled sources kept. */
  cacheMax: 2_000,
} as const;
