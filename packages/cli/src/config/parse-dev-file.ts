/** `.agentflow/dev.json`: what a running `af dev` says of itself. */
export interface DevFile {
  readonly pid: number;
  readonly url: string;
  readonly startedAt: string;
  readonly version: string;
}

/**
 * Undefined for anything else: a half-written file counts as none. So does an address that is not plain http:
 * the file may have come with somebody's project, and only over http a token is held to this machine.
 */
export function parseDevFile(text: string): DevFile | undefined {
  try {
    const value = JSON.parse(text) as Partial<DevFile> | null;
    if (typeof value?.pid !== "number" || typeof value.url !== "string") return undefined;
    if (URL.parse(value.url)?.protocol !== "http:") return undefined;
    return { pid: value.pid, url: value.url, startedAt: value.startedAt ?? "", version: value.version ?? "" };
  } catch {
    return undefined;
  }
}
