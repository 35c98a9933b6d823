export { type LoadOptions, loadImages } from "./load.ts";
export { type NodePlatform, type PlatformCheck, checkPlatforms, isOnNodes, platformOf } from "./platforms.ts";
export { type PullSecret, type PullSecretCheck, checkPullSecrets } from "./pull-secrets.ts";
export { type PushOptions, type Pushed, type PushedImages, imagesInRegistry, pushImages } from "./push.ts";
