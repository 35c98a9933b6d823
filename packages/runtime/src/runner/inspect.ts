/** The inspector of a runner: one port, which the runner before this one may still hold. */
import inspector from "node:inspector";
import { createServer } from "node:net";

export interface Inspector {
  /** Opens now when the port is free, else as soon as it is. */
  open(port: number): Promise<void>;
  /** For good: the next runner opens it. Ends a debugger's connection. */
  close(): void;
}

const host = "127.0.0.1";
const againMs = 50;

export function createInspector(onOpen: (url: string) => void): Inspector {
  const closed = new AbortController();
  return {
    async open(port) {
      const before = inspector.url();
      if (before !== undefined) return onOpen(before);
      // Asked first: on a port that is taken Node writes to stderr and opens nothing.
      while (!closed.signal.aborted && !(await isFree(port))) await pause(againMs);
      if (closed.signal.aborted || inspector.url() !== undefined) return;
      inspector.open(port, host);
      onOpen(inspector.url() ?? "");
    },
    close() {
      closed.abort();
      if (inspector.url() !== undefined) inspector.close();
    },
  };
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
