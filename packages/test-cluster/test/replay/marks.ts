/** Why what a build of another distribution adds is not here. */
export const marks = "a mark of the build that was recorded: a stock cluster has none";
