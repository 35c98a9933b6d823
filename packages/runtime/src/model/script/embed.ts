/** Vectors made from a hash: equal texts have equal vectors, and that is all that is meant by them. */

export const embeddingSize = 256;

/** Length 1, always the same for the same text. Nearness of two vectors says only that words are shared. */
export function embed(text: string, size: number = embeddingSize): readonly number[] {
  const vector = Array.from({ length: size }, () => 0);
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text];
  for (const word of words) {
    const hash = fnv1a(word);
    const at = hash % size;
    vector[at] = (vector[at] ?? 0) + (hash & 0x8000_0000 ? -1 : 1);
  }
  const length = Math.hypot(...vector);
  if (length === 0) return vector.map((_, i) => (i === 0 ? 1 : 0));
  return vector.map((value) => value / length);
}

function fnv1a(text: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193) >>> 0;
  }
  return hash;
}
