/**
 * A subject as the file keeps it. The subjects of runs begin with their shard and end with a run id, which
 * grows with time; kept with the run id first, new records meet in a few pages of the index instead of one
 * page a shard. That is most of the bytes of a commit. `af.log.07.t.run.r1` is kept as `r1 af.log.07.t.run`.
 */
export function subjectKey(subject: string): string {
  let at = -1;
  for (let dot = 0; dot < tokensInFront; dot++) {
    at = subject.indexOf(".", at + 1);
    if (at < 0) return subject;
  }
  return `${subject.slice(at + 1)} ${subject.slice(0, at)}`;
}

/** What the keys of all subjects under a prefix begin with: nothing where all its tokens stand behind. */
export function keyPrefix(prefix: string): string {
  return prefix.split(".").slice(tokensInFront).join(".");
}

export function subjectOfKey(key: string): string {
  const space = key.indexOf(" ");
  return space < 0 ? key : `${key.slice(space + 1)}.${key.slice(0, space)}`;
}

/** `af`, `log`, shard, tenant and kind. */
const tokensInFront = 5;
