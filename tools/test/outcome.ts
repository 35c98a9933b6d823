/** What a run of the suite came to. A file that does not load and a stray error each count as one failure. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The little that is read of a test module, so that a plain object can stand for one. */
export interface ModuleLike {
  readonly children: { allTests(): Iterable<{ result(): { readonly state: string } }> };
  state(): string;
}

/** Counts every test once; a test that never came to an end (its worker died) has failed. */
export function countOutcomes(modules: readonly ModuleLike[], strayErrors: readonly unknown[]): Outcome {
  const total = { passed: 0, failed: strayErrors.length, skipped: 0 };
  for (const module of modules) {
    const failedBefore = total.failed;
    for (const test of module.children.allTests()) total[columnOf(test.result().state)]++;
    const brokeOutsideTests = module.state() === "failed" && total.failed === failedBefore;
    if (brokeOutsideTests) total.failed++;
  }
  return total;
}

/** The last line of the suite's output; scripts look for it. */
export function closingLine({ passed, failed, skipped }: Outcome): string {
  const plain = `${passed} passed, ${failed} failed`;
  return skipped === 0 ? plain : `${plain}, ${skipped} skipped`;
}

export function exitCodeOf({ passed, failed }: Outcome): 0 | 1 {
  return failed === 0 && passed > 0 ? 0 : 1;
}

function columnOf(state: string): keyof Outcome {
  if (state === "passed" || state === "skipped") return state;
  return "failed";
}
