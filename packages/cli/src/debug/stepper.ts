/** The stepper on a terminal: frames from a position, keys that move it. */
import { openFullScreen } from "../screen/full-screen.ts";
import { firstPosition, press } from "./model.ts";
import { type Frame, frameOf } from "./screen.ts";
import type { Replay } from "./state.ts";

/** Resolves when the person leaves. `n` is where it begins. */
export function runStepper(replay: Replay, options: { readonly n: number; readonly noColor: boolean }) {
  let position = { ...firstPosition, n: options.n };
  const draw = (): Frame => {
    const drawn = frameOf(replay, position, screen.size);
    screen.draw(drawn.lines);
    return drawn;
  };
  const screen = openFullScreen(options, {
    onKey(key) {
      const next = press(position, key, frame.sight);
      if (next === undefined) return screen.leave();
      position = next;
      frame = draw();
    },
    onResize: () => void (frame = draw()),
  });
  let frame = draw();
  return screen.left;
}
