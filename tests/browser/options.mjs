// What the run is told, by flags or by the environment. The secret is better kept out of the process list.

const HELP = `usage: node check.mjs --url URL --live STREAM [--past STREAM] [--hevc STREAM] [--back-s 600] [--shots DIR] [--chromium PATH]
Drives the console of a running server in a real browser. Prints one JSON line per check; exits 0 when all hold.
  KINETOSCOPE_ACCESS_KEY_ID, KINETOSCOPE_SECRET_ACCESS_KEY   who signs in
  --live   a stream that is being pushed to right now, in a codec the browser plays
  --past   a stream with footage that far back (default: the same one)
  --hevc   a stream in H.265, which this browser cannot decode
Every flag can also come as KINETOSCOPE_BROWSER_URL, …_LIVE, …_PAST, …_HEVC, …_BACK_S, …_SHOTS, …_CHROMIUM.`;

const FLAGS = ["url", "live", "past", "hevc", "back-s", "shots", "chromium"];

function fromEnvironment(flag) {
  return process.env[`KINETOSCOPE_BROWSER_${flag.toUpperCase().replaceAll("-", "_")}`];
}

/** Exits with 2 when something is missing. */
export function readOptions(argv) {
  const given = {};
  for (let at = 0; at < argv.length; at += 2) {
    const flag = argv[at].replace(/^--/, "");
    if (!FLAGS.includes(flag) || argv[at + 1] === undefined) usage(`what is ${argv[at]}?`);
    given[flag] = argv[at + 1];
  }
  const option = (flag, otherwise = null) => given[flag] ?? fromEnvironment(flag) ?? otherwise;
  const options = {
    url: option("url"),
    live: option("live"),
    past: option("past", option("live")),
    hevc: option("hevc"),
    backS: Number(option("back-s", "600")),
    shots: option("shots"),
    chromium: option("chromium", "/usr/bin/chromium"),
    id: process.env.KINETOSCOPE_ACCESS_KEY_ID,
    secret: process.env.KINETOSCOPE_SECRET_ACCESS_KEY,
  };
  for (const needed of ["url", "live", "id", "secret"]) if (!options[needed]) usage(`${needed} is missing`);
  if (!(options.backS > 0)) usage("--back-s is not a number of seconds");
  options.url = options.url.replace(/\/$/, "");
  return options;
}

function usage(problem) {
  console.error(`${problem}\n${HELP}`);
  process.exit(2);
}
