export { nearMiss, Monitor } from "./monitor.js";
export { otlp } from "./otlp.js";
