export {
  type ApiOptions,
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from "./control-plane.ts";
export * from "./engine.ts";
export { type EngineConfig, engineDefaults } from "./engine-config.ts";
