/** Configuration in layers: flag, environment, project, user, default; checked, explained, reloaded. */
export { configError, type Fault, type Layer, layerNames, type Place } from "./faults.ts";
export type { ConfigSource, ReadText } from "./file-layers.ts";
export { type Config, type ConfigLayers, type ConfigSchema, loadConfig, type Origin } from "./load.ts";
export { type Environment, variableOf } from "./text-layers.ts";
export { type ConfigWatch, type Reloaded, type WatchOptions, watchConfig } from "./watch.ts";
