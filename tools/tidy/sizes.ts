import { isAllowed, longFiles, longFunctions, longLines } from "./allow.ts";
import type { Finding } from "./finding.ts";
import type { Source } from "./source.ts";

export const sizes = { linesPerFileMax: 400, linesPerFunctionMax: 70, columnsMax: 110 } as const;

const functionTypes = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

/** Files, functions and lines that are longer than a reader can hold. */
export function checkSizes(source: Source): Finding[] {
  return [...fileLength(source), ...functionLengths(source), ...lineLengths(source)];
}

function fileLength(source: Source): Finding[] {
  const count = source.text.endsWith("\n") ? source.lines.length - 1 : source.lines.length;
  if (count <= sizes.linesPerFileMax || isAllowed(longFiles, source.path)) return [];
  const message = `${count} lines; ${sizes.linesPerFileMax} is the limit: one concept a file`;
  return [source.finding(0, "file-length", message)];
}

function functionLengths(source: Source): Finding[] {
  if (isAllowed(longFunctions, source.path)) return [];
  return source.nodes.flatMap(({ node }) => {
    if (!functionTypes.has(node.type)) return [];
    const count = source.text.slice(node.start, node.end).split("\n").length;
    if (count <= sizes.linesPerFunctionMax) return [];
    const message = `a function of ${count} lines; ${sizes.linesPerFunctionMax} is the limit`;
    return [source.finding(node.start, "function-length", message)];
  });
}

function lineLengths(source: Source): Finding[] {
  if (isAllowed(longLines, source.path)) return [];
  let offset = 0;
  return source.lines.flatMap((line) => {
    const start = offset;
    offset += line.length + 1;
    if (line.length <= sizes.columnsMax) return [];
    const message = `${line.length} columns; ${sizes.columnsMax} is the limit`;
    return [source.finding(start + sizes.columnsMax, "line-length", message)];
  });
}
