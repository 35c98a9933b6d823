/** The scripted model: a file of rules, played without a clock, dice or network. */
export { type ScriptAnswer, type ScriptRequest, statusOf, tokensOf } from "./answer.ts";
export { type Beat, beatsOf, lettersOf } from "./beats.ts";
export { isLike } from "./condition.ts";
export { embed, embeddingSize } from "./embed.ts";
export { parseScript } from "./parse-script.ts";
export { type Player, autoScript, createPlayer } from "./player.ts";
export { sampleOf } from "./sample.ts";
