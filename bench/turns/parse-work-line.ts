export interface WorkLine {
  readonly point: "began" | "done";
  readonly tool: string;
  readonly run: string;
  readonly n: number;
  readonly key: string;
}

/** A line of the ledger; undefined for what a killed process left half written. */
export function parseWorkLine(text: string): WorkLine | undefined {
  try {
    const [point, tool, run, n, key] = JSON.parse(text) as [
      WorkLine["point"],
      string,
      string,
      number,
      string,
    ];
    return { point, tool, run, n, key };
  } catch {
    return undefined;
  }
}
