/** What is known of models without calling one: for the command line and the driver of agents. */
export { fileOf as packageFile } from "./client.ts";
export { priceOf, pricesAt } from "./prices.ts";
export { lackOf, providerOf, providers } from "./providers.ts";
