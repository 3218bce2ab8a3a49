//! The console is embedded as it stands in `web/dist`. Cargo must know, because files there come and go with every build
//! of the console.

#![allow(clippy::print_stdout, reason = "this is how one talks to cargo")]

fn main() {
    let dist = "../../web/dist";
    // A path that is not there would make cargo run this every time.
    let watched = if std::path::Path::new(dist).exists() { dist } else { "../../web" };
    println!("cargo:rerun-if-changed={watched}");
}
