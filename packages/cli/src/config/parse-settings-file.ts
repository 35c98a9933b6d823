/** `.agentflow/settings.json`: what a running `af dev` says of the settings it runs with. */
export interface OriginView {
  readonly key: string;
  readonly layer: "flag" | "environment" | "project" | "user" | "default";
  readonly place: string;
  readonly value?: unknown;
  /** Whether a change is taken over while running. */
  readonly reload: boolean;
}

export interface SettingsFile {
  readonly pid: number;
  readonly origins: readonly OriginView[];
}

/** Undefined for anything else: a half-written file counts as none. */
export function parseSettingsFile(text: string): SettingsFile | undefined {
  try {
    const value = JSON.parse(text) as Partial<SettingsFile> | null;
    if (typeof value?.pid !== "number" || !Array.isArray(value.origins)) return undefined;
    return { pid: value.pid, origins: value.origins };
  } catch {
    return undefined;
  }
}
