export { type LoadOptions, loadImages } from "./load.ts";
export { type NodePlatform, type PlatformCheck, checkPlatforms, platformOf } from "./platforms.ts";
export { type PullSecret, type PullSecretCheck, checkPullSecrets } from "./pull-secrets.ts";
export { type PushOptions, type Pushed, type PushedImages, pushImages } from "./push.ts";
export { referenceIn } from "./names.ts";
