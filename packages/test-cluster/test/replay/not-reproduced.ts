/** Which recordings are not reproduced, by folder and number, each with the reason. */

/** Told to a server of ours by `replay`, or by a test of their own. */
export const notReproduced: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "01-discovery": { "23": "the checks of a server that is made of other parts" },
};

/** Folders that are no exchanges to be told again, but what went on: the test that compares them. */
export const comparedBy: Readonly<Record<string, string>> = {
  "05-rollout": "test/nodes/rollouts.test.ts",
  "07-logs": "test/nodes/logs.test.ts",
  "08-streams": "test/nodes/streams.test.ts",
  "12-eviction-hpa": "test/nodes/disruption.test.ts",
};
