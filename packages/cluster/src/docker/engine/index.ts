export { type EngineAddress, type EngineLooking, isRemote } from "./address.ts";
export { fromEngine, statusOf } from "./errors.ts";
export { findEngine } from "./find.ts";
export { type Engine, oldestApi, openEngine } from "./open.ts";
