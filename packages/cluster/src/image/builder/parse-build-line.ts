/** One line of the engine's answer to a build: what a step prints, or why it ended. */
export interface BuildLine {
  readonly stream?: string;
  readonly error?: string;
}

export function parseBuildLine(line: string): BuildLine {
  try {
    const { stream, status, error } = JSON.parse(line) as {
      stream?: string;
      status?: string;
      error?: string;
    };
    const said = stream ?? (status === undefined ? undefined : `${status}\n`);
    return { ...(said === undefined ? {} : { stream: said }), ...(error === undefined ? {} : { error }) };
  } catch {
    return { stream: `${line}\n` };
  }
}
