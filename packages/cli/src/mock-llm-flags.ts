/** Flags that the three commands of `af mock-llm` share, and the wait for Ctrl-C. */
import { Flags } from "./flags.ts";
import { onInterrupt } from "./runs/detach.ts";

export const placeFlags = {
  port: Flags.integer({
    description: "port to listen on; 0 is any free one",
    min: 0,
    max: 65_535,
    default: 0,
  }),
  host: Flags.string({
    description: "address to listen on (127.0.0.1); beyond loopback everybody may ask",
    helpValue: "HOST",
  }),
};

export const loopback = "127.0.0.1";

export const secretFlag = Flags.string({
  description: "a variable or secret whose value may not stand in the file (again for more)",
  helpValue: "NAME",
  multiple: true,
});

/** Resolves at Ctrl-C. */
export async function untilInterrupted(): Promise<void> {
  using interrupt = onInterrupt();
  const { signal } = interrupt;
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
