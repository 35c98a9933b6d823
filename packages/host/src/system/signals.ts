import process from "node:process";
import type { Stop } from "../clock.ts";
import type { Log } from "../log/log.ts";
import type { GracefulStop, StopReason } from "../stop.ts";

export interface SignalOptions {
  readonly stop: GracefulStop;
  readonly log: Log;
  /** Without it, SIGHUP stops. With it, SIGHUP reloads. */
  readonly onHangup?: () => void;
  /** Ends the process; the default is `process.exit`. */
  readonly exit?: (code: number) => void;
}

/** A stop that ignored two signals or hangs after its deadline is ended by the third. */
const signalsToExit = 3;

/**
 * Signals and uncaught errors begin the stop; when it is done the log is closed and the process exits with
 * the stop's code. A second signal hurries, a third exits at once. An uncaught error is fatal; exit 1.
 */
export function installSignals(options: SignalOptions): Stop {
  const { stop, log, onHangup, exit = (code) => process.exit(code) } = options;
  let count = 0;
  const on = (reason: StopReason) => (): void => {
    if (++count >= signalsToExit) return exit(1);
    void stop.begin(reason);
  };
  const onError = (error: unknown): void => {
    log.fatal("uncaught error", { error: error instanceof Error ? error : new Error(typeof error) });
    void stop.begin("error");
  };
  const listeners: [string, (...args: unknown[]) => void][] = [
    ["SIGINT", on("SIGINT")],
    ["SIGTERM", on("SIGTERM")],
    ["SIGHUP", onHangup ?? on("SIGHUP")],
    ["uncaughtException", onError],
    ["unhandledRejection", onError],
  ];
  for (const [event, listener] of listeners) process.on(event, listener);
  void (async () => {
    const { exitCode } = await stop.done;
    await log.close();
    exit(exitCode);
  })();
  return () => {
    for (const [event, listener] of listeners) process.off(event, listener);
  };
}
