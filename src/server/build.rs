//! Lets cargo notice that the web console was built: the embedded files are listed by a macro, which cargo cannot see.
#![allow(clippy::print_stdout, reason = "this is how build scripts speak to cargo")]

use std::path::Path;

fn main() {
    // A path that is not there would count as changed at every build, so before the first build of the console its
    // folder is watched instead.
    let dist = "../../web/dist";
    let watched = if Path::new(dist).exists() { dist } else { "../../web" };
    println!("cargo::rerun-if-changed={watched}");
}
