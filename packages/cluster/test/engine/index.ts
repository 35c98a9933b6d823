/** A Docker engine for tests: found, or started and ended by the tests themselves. */
export { type BaseImages, baseImages } from "./base-images.ts";
export { type TestEngine, engineMissing, testEngine } from "./test-engine.ts";
export { clientFolder } from "./plugins.ts";
