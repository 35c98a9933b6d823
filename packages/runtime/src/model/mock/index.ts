/** `af mock-llm`: a server that speaks as providers do; and recordings of real ones. */
export { autoScript, createPlayer, parseScript } from "../script/index.ts";
export type { MockCall } from "./calls.ts";
export { readCassette } from "./cassette.ts";
export type { Listening } from "./http.ts";
export { type Recorded, type RecordOptions, startRecorder } from "./record.ts";
export { type Replayed, type ReplayOptions, startReplay } from "./replay.ts";
export { type MockLlm, type MockOptions, startMockLlm } from "./server.ts";
