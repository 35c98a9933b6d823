export { type BuildOptions, type Built, type BuiltImages, buildImages } from "./build.ts";
export { type ImageView, listImages } from "./list.ts";
export { prunable, pruneImages } from "./prune.ts";
export type { BuilderName } from "./builder/builder.ts";
export { type ImageKind, imageLabels, stepsFile } from "./plan.ts";
export {
  type LoadOptions,
  type NodePlatform,
  type PlatformCheck,
  type PullSecret,
  type PullSecretCheck,
  type PushOptions,
  type Pushed,
  type PushedImages,
  checkPlatforms,
  checkPullSecrets,
  imagesInRegistry,
  isOnNodes,
  loadImages,
  platformOf,
  pushImages,
} from "./registry/index.ts";
export { writtenMark } from "./written.ts";
