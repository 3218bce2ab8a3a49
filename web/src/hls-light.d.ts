// The light build has the full one's surface for what is used here, but ships no types of its own.
declare module "hls.js/light" {
  export * from "hls.js";
  export { default } from "hls.js";
}
