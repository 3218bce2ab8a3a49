// Builds the console into dist/ (`npm run build`), rebuilds on change (`--watch`) or bundles and runs the unit
// tests (`--test`). The server embeds dist/ as it stands, so every name but index.html carries a content hash
// and may be cached for ever.
import { spawnSync } from "node:child_process";
import { mkdir, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const root = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(root, "dist");
const JS_BYTES_MAX = 700 * 1024;

const browser = {
  absWorkingDir: root,
  entryPoints: ["src/main.tsx", "src/style/main.css", "src/icon.svg"],
  bundle: true,
  // The stream page (and hls.js with it) is its own chunk: the list opens without waiting for the player.
  splitting: true,
  format: "esm",
  target: ["chrome109", "firefox115", "safari16"],
  jsx: "automatic",
  jsxImportSource: "preact",
  outdir: dist,
  entryNames: "assets/[name]-[hash]",
  chunkNames: "assets/[name]-[hash]",
  assetNames: "assets/[name]-[hash]",
  loader: { ".svg": "copy" },
  legalComments: "none",
  metafile: true,
  logLevel: "info",
};

/** Fills the hashed names into the page, which is the only file with a fixed one. */
async function writePage(metafile) {
  const built = {};
  for (const [file, output] of Object.entries(metafile.outputs)) {
    if (output.entryPoint) built[output.entryPoint] = path.relative("dist", file);
    else if (file.endsWith(".svg")) built["src/icon.svg"] = path.relative("dist", file);
  }
  const template = await readFile(path.join(root, "src/index.html"), "utf8");
  const page = template.replace(/\{\{(.+?)\}\}/g, (_, entry) => {
    if (!built[entry]) throw new Error(`index.html names ${entry}, which was not built`);
    return built[entry];
  });
  await writeFile(path.join(dist, "index.html"), page);
}

async function checkSize() {
  let bytes = 0;
  for (const name of await readdir(path.join(dist, "assets"))) {
    if (name.endsWith(".js")) bytes += (await stat(path.join(dist, "assets", name))).size;
  }
  if (bytes > JS_BYTES_MAX) throw new Error(`the scripts are ${bytes} bytes, more than ${JS_BYTES_MAX}`);
  console.log(`scripts: ${Math.ceil(bytes / 1024)} KiB of at most ${JS_BYTES_MAX / 1024}`);
}

async function build() {
  await rm(dist, { recursive: true, force: true });
  const result = await esbuild.build({ ...browser, minify: true });
  await writePage(result.metafile);
  await checkSize();
}

async function watch() {
  const onEnd = {
    name: "page",
    setup: (b) => b.onEnd((result) => (result.errors.length ? undefined : writePage(result.metafile))),
  };
  const context = await esbuild.context({ ...browser, sourcemap: "inline", plugins: [onEnd] });
  await context.watch();
}

async function test() {
  const out = path.join(root, "node_modules", ".tests");
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const names = (await readdir(path.join(root, "test"))).filter((name) => name.endsWith(".test.js"));
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: names.map((name) => `test/${name}`),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node18",
    outdir: out,
    outExtension: { ".js": ".mjs" },
    logLevel: "warning",
  });
  const files = names.map((name) => path.join(out, name.replace(/\.js$/, ".mjs")));
  const run = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" });
  process.exitCode = run.status ?? 1;
}

await (process.argv.includes("--test") ? test() : process.argv.includes("--watch") ? watch() : build());
