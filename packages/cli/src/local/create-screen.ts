import { jsonScreen } from "./json-screen.ts";
import type { DevScreen, ScreenOptions } from "./screen.ts";
import { textScreen } from "./text-screen.ts";

export function createScreen(options: ScreenOptions): DevScreen {
  return options.json ? jsonScreen(options) : textScreen(options);
}
