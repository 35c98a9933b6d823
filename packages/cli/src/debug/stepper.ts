/** The stepper on a terminal: draws frames, reads keys, leaves the screen as it found it. */
import { colorFor } from "../output/color.ts";
import { render } from "../output/text.ts";
import { keyNames } from "./key-names.ts";
import { firstPosition, press } from "./model.ts";
import { type Frame, frameOf } from "./screen.ts";
import type { Replay } from "./state.ts";

const enter = "\u001b[?1049h\u001b[?25l";
const leave = "\u001b[?25h\u001b[?1049l";

/** Resolves when the person leaves. `n` is where it begins. */
export function runStepper(replay: Replay, options: { readonly n: number; readonly noColor: boolean }) {
  const { stdin, stdout } = process;
  const color = colorFor(stdout, process.env, options.noColor);
  let position = { ...firstPosition, n: options.n };
  let frame: Frame;
  const draw = (): void => {
    frame = frameOf(replay, position, { columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 });
    const lines = frame.lines.map((line) => `${render(line, color)}\u001b[K`);
    stdout.write(`\u001b[H${lines.join("\r\n")}\u001b[J`);
  };
  const { promise, resolve } = Promise.withResolvers<void>();
  const onData = (data: Buffer): void => {
    for (const key of keyNames(data.toString("utf8"))) {
      const next = press(position, key, frame.sight);
      if (next === undefined) return resolve();
      position = next;
    }
    draw();
  };
  const onSignal = (): void => resolve();
  stdout.write(enter);
  draw();
  stdin.setRawMode(true);
  stdin.resume();
  stdin.on("data", onData);
  stdin.once("end", onSignal);
  stdout.on("resize", draw);
  process.once("SIGTERM", onSignal);
  process.once("SIGHUP", onSignal);
  return promise.finally(() => {
    stdin.off("data", onData);
    stdin.off("end", onSignal);
    stdout.off("resize", draw);
    process.off("SIGTERM", onSignal);
    process.off("SIGHUP", onSignal);
    stdin.setRawMode(false);
    stdin.pause();
    stdout.write(leave);
  });
}
