/** Keys of `af dev` on a terminal. Off one, nothing is read. */
export interface KeyActions {
  reload(): void;
  logs(): void;
  status(): void;
  quit(): void;
}

export function readKeys(options: { readonly json: boolean }, actions: KeyActions): () => void {
  const { stdin } = process;
  if (options.json || !stdin.isTTY || !process.stdout.isTTY) return () => {};
  const onKey = (key: Buffer): void => {
    switch (key.toString("utf8")) {
      case "r":
        actions.reload();
        return;
      case "l":
        actions.logs();
        return;
      case "s":
        actions.status();
        return;
      case "q":
        actions.quit();
        return;
      // In raw mode the terminal no longer makes a signal of Ctrl-C.
      case "\u0003":
        process.kill(process.pid, "SIGINT");
        return;
    }
  };
  stdin.setRawMode(true);
  stdin.resume();
  stdin.on("data", onKey);
  return () => {
    stdin.off("data", onKey);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
