/** What user code throws where nobody awaits it ends its runner; this says so before the process is gone. */
import { placeText } from "./place.ts";

const textMax = 500;

/**
 * Calls `say` with the error in one line, while the process still lives. Nothing is saved by it: what such an
 * error left half done is unknown, so the runner ends all the same.
 */
export function onUncaught(projectDir: string, say: (text: string) => void): void {
  process.on("uncaughtExceptionMonitor", (error: unknown) => say(uncaughtText(error, projectDir)));
}

function uncaughtText(error: unknown, projectDir: string): string {
  try {
    const [what = ""] = (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).split(
      "\n",
    );
    const place = placeText(error, projectDir);
    return `${what.slice(0, textMax)}${place === undefined ? "" : ` (at ${place})`}`;
  } catch {
    // A thrown thing may refuse even to be read.
    return "what was thrown cannot be shown";
  }
}
