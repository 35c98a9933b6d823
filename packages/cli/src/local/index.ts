export { runDev } from "./dev.ts";
