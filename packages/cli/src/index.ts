/** The command line as a function: what `bin/run.js` calls. */
export { main } from "./main.ts";
