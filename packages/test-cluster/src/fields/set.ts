/** Sets of places in an object: who owns what. */
import { draftOf, isDraft, isObject, type Draft } from "../draft.ts";
import type { JsonObject } from "../object.ts";
import { below, type Shape } from "../schema/shape.ts";
import { compareElements, type Path } from "./path.ts";

const separator = "\u0000";

export class FieldSet {
  readonly #paths: ReadonlyMap<string, Path>;

  private constructor(paths: ReadonlyMap<string, Path>) {
    this.#paths = paths;
  }

  static of(paths: Iterable<Path>): FieldSet {
    const made = new Map<string, Path>();
    for (const path of paths) made.set(path.join(separator), path);
    return new FieldSet(made);
  }

  static readonly empty = FieldSet.of([]);

  get isEmpty(): boolean {
    return this.#paths.size === 0;
  }

  has(path: Path): boolean {
    return this.#paths.has(path.join(separator));
  }

  union(...others: readonly FieldSet[]): FieldSet {
    const made = new Map(this.#paths);
    for (const other of others) for (const [key, path] of other.#paths) made.set(key, path);
    return new FieldSet(made);
  }

  minus(other: FieldSet): FieldSet {
    return this.#keep((key) => !other.#paths.has(key));
  }

  and(other: FieldSet): FieldSet {
    return this.#keep((key) => other.#paths.has(key));
  }

  equals(other: FieldSet): boolean {
    return this.#paths.size === other.#paths.size && this.minus(other).isEmpty;
  }

  /** Without that place and all below it. */
  without(prefix: Path): FieldSet {
    return this.#keep((_, path) => !prefix.every((element, index) => path[index] === element));
  }

  where(keep: (path: Path) => boolean): FieldSet {
    return this.#keep((_, path) => keep(path));
  }

  #keep(keep: (key: string, path: Path) => boolean): FieldSet {
    return new FieldSet(new Map([...this.#paths].filter(([key, path]) => keep(key, path))));
  }

  /** With the named fields on the way to each place, which nobody owns for themselves. */
  withNamedFields(shape: Shape): FieldSet {
    const more: Path[] = [];
    for (const path of this.#paths.values()) {
      let here: Shape | undefined = shape;
      for (const [index, element] of path.entries()) {
        if (here === undefined) break;
        if (here.type === "struct" && element.startsWith("f:")) more.push(path.slice(0, index + 1));
        here = element.startsWith("f:") ? below(here, element.slice(2)) : itemsOf(here);
      }
    }
    return this.union(FieldSet.of(more));
  }

  /** In the order of the server: at each place what ends there first, then what goes on. */
  ordered(): readonly Path[] {
    return [...this.#paths.values()].sort((one, other) => {
      const length = Math.min(one.length, other.length);
      for (let index = 0; index < length; index++) {
        const a = one[index] ?? "";
        const b = other[index] ?? "";
        if (a === b) continue;
        const ends = Number(one.length > index + 1) - Number(other.length > index + 1);
        return ends === 0 ? compareElements(a, b) : ends;
      }
      return one.length - other.length;
    });
  }

  toFieldsV1(): JsonObject {
    const root: Draft = {};
    for (const path of this.#paths.values()) {
      let here = root;
      for (const element of path) {
        const next = here[element];
        const made = isDraft(next) ? next : {};
        here[element] = made;
        here = made;
      }
      here["."] = {};
    }
    return tidied(root);
  }

  static fromFieldsV1(fields: JsonObject): FieldSet {
    return FieldSet.of(pathsIn(draftOf(fields), []));
  }
}

function itemsOf(shape: Shape): Shape | undefined {
  return shape.type === "list" ? shape.items : undefined;
}

/** Sorted, and `.` only where something stands beside it. */
function tidied(node: Draft): Draft {
  const made: Draft = {};
  const keys = Object.keys(node).filter((key) => key !== ".");
  if (keys.length > 0 && "." in node) made["."] = {};
  for (const key of keys.sort(compareElements)) {
    const child = node[key];
    made[key] = isDraft(child) ? tidied(child) : {};
  }
  return made;
}

function pathsIn(node: JsonObject, path: Path): Path[] {
  const keys = Object.keys(node);
  if (keys.length === 0 && path.length > 0) return [path];
  return keys.flatMap((key) => {
    const child = node[key];
    if (key === ".") return [path];
    return pathsIn(isObject(child) ? child : {}, [...path, key]);
  });
}
