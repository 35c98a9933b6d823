/** The settings that one `af dev` runs with: read before all else, followed while it runs. */
import type { Config, ConfigWatch } from "@agentflow/host/config";
import type { Log } from "@agentflow/host/log";
import type { DevOptions } from "./dev-options.ts";
import { type LocalPaths, writeSettingsFile } from "./paths.ts";
import { type LocalSettings, loadSettings, watchSettings } from "./settings.ts";

export class DevSettings {
  readonly #options: DevOptions;
  readonly #paths: LocalPaths;
  readonly #first: Config<LocalSettings>;
  #watch: ConfigWatch<LocalSettings> | undefined;

  /** Throws with every fault of every layer. */
  static async load(options: DevOptions, paths: LocalPaths): Promise<DevSettings> {
    return new DevSettings(options, paths, await loadSettings(options.dir, options));
  }

  private constructor(options: DevOptions, paths: LocalPaths, first: Config<LocalSettings>) {
    this.#options = options;
    this.#paths = paths;
    this.#first = first;
    writeSettingsFile(paths, first.origins);
  }

  get value(): LocalSettings {
    return this.#watch?.current().value ?? this.#first.value;
  }

  /** From now on what may change while running changes with the files; `log` is told what does not. */
  async follow(log: Log, onChange: (settings: LocalSettings) => void): Promise<void> {
    const { systemTimers } = await import("@agentflow/host/system");
    for (const note of this.#first.notes) log.warn(note);
    this.#watch = await watchSettings(this.#options.dir, {
      flags: this.#options,
      watch: {
        timers: systemTimers,
        log: log.child({ component: "settings" }),
        onChange: (settings) => {
          if (this.#watch !== undefined) writeSettingsFile(this.#paths, this.#watch.current().origins);
          onChange(settings);
        },
      },
    });
  }

  async reload(): Promise<void> {
    await this.#watch?.reload();
  }

  stop(): void {
    this.#watch?.stop();
  }
}
