export { runDev } from "./become.ts";
