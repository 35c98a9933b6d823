/** The parts of devcontainer.json that we use. */
export interface Devcontainer {
  readonly build: {
    readonly dockerfile: string;
    readonly context: string;
    readonly args: { readonly [name: string]: string };
  };
  readonly remoteUser: string;
  readonly updateContentCommand: string;
}

export function parseDevcontainer(text: string): Devcontainer {
  return JSON.parse(text) as Devcontainer;
}

/** Instructions without comments, each on one line. */
export function dockerfile(text: string): readonly string[] {
  const whole = text.replaceAll(/\\\n\s*/g, "");
  return whole.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}
