import { busContract } from "../contract/index.ts";
import { makeThere } from "./fixtures/makers.ts";

busContract("embedded, through the socket", makeThere("main"));
