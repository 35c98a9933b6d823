export type {
  ApiDoor,
  ConfigFile,
  HealthCheck,
  Installation,
  Limits,
  Mount,
  Part,
  PartName,
  PartRole,
  Volume,
} from "./model/installation.ts";
export { containerName, copyName, labels, releaseName, stackName, volumeName } from "./model/names.ts";
export { hardening } from "./model/hardening.ts";
export { healthTest } from "./model/health-test.ts";
export { imageFolders, paths } from "./model/paths.ts";
export { allVolumes, mountedVolume, type OneVolume } from "./model/volumes.ts";
export {
  asDocker,
  dockerTargets,
  kubernetesTargets,
  onDocker,
  onKubernetes,
  openTarget,
  type OpeningTarget,
} from "./model/open-target.ts";
export { targetFindings } from "./model/judge.ts";
export {
  type DockerSettings,
  implicitTarget,
  type KubernetesSettings,
  type OpenedTarget,
  type TargetSettings,
  type ValueOrigin,
} from "./model/target.ts";
export { plainJson } from "./model/parse-project.ts";
export { leavesOf } from "./model/overlay.ts";
export { render } from "./model/render.ts";
export type { Rendering } from "./model/rendering.ts";
export { effectiveYaml } from "./model/effective.ts";
export { defaultImages, type Images, type Progress } from "./image/images.ts";
export type { Door } from "./door/index.ts";
export { type DoorOptions, openDoor } from "./docker/forward.ts";
export { type Inspecting, openInspector } from "./docker/inspector.ts";
export { type BuildSection, type ComposeOptions, composeOf } from "./compose/compose.ts";
export {
  type ContainerLine,
  type ContainerTimes,
  type FollowingLines,
  followContainerLines,
  readContainerLines,
  type ReadingLines,
  timesOf,
} from "./docker/logs.ts";
