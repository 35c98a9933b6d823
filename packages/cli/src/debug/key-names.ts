/** What a terminal sends for keys, by name. Several may come at once; what is not known is left out. */
const sequences = new Map([
  ["\u001b[A", "up"],
  ["\u001b[B", "down"],
  ["\u001b[C", "right"],
  ["\u001b[D", "left"],
  ["\u001bOA", "up"],
  ["\u001bOB", "down"],
  ["\u001bOC", "right"],
  ["\u001bOD", "left"],
  ["\u001b[H", "home"],
  ["\u001b[F", "end"],
  ["\u001b[1~", "home"],
  ["\u001b[4~", "end"],
  ["\u001b[5~", "pageup"],
  ["\u001b[6~", "pagedown"],
  ["\u001b[Z", "shift-tab"],
  ["\u001b", "escape"],
  ["\t", "tab"],
  ["\r", "enter"],
  ["\n", "enter"],
  [" ", "space"],
  ["\u007f", "backspace"],
  ["\b", "backspace"],
  ["\u0003", "ctrl-c"],
]);

// An escape sequence as a whole, known or not; else one letter.
const token = /\u001b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])|[^]/gu;

export function keyNames(text: string): string[] {
  return (text.match(token) ?? []).flatMap((key) => {
    const known = sequences.get(key);
    if (known !== undefined) return [known];
    return key.length <= 2 && !/[\u0000-\u001f\u007f-\u009f]/.test(key) ? [key] : [];
  });
}
