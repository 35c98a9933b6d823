export function parseMark(text: string): { readonly revision: number; readonly [key: string]: unknown } {
  return JSON.parse(text) as { revision: number };
}
