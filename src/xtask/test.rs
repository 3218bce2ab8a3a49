//! Every check there is, ending in one line: `N passed, N failed`.

use crate::process::{Failure, Outcome, cargo, run_lines};
use crate::setup::{self, Purpose};
use crate::{lint, process, web};

/// Installs, lints, builds and tests. With a filter only Rust tests whose name contains it.
pub(crate) fn run(filter: Option<&str>) -> Outcome {
    setup::install(Purpose::Test)?;
    let mut tally = Tally::default();
    if filter.is_none() {
        tally.step("format", lint::format());
        tally.step("lints", lint::clippy());
        tally.step("console types and unit tests", web::check());
    }
    // The black-box tests drive the real binaries with the real console inside.
    web::build()?;
    build(&["--package", "server"])?;
    build(&["--package", "media", "--features", "gst", "--bin", "media-worker"])?;
    tally.cargo_test(&["--workspace", "--exclude", "media"], filter)?;
    tally.cargo_test(&["--package", "media", "--features", "gst"], filter)?;
    tally.close()
}

fn build(args: &[&str]) -> Outcome {
    process::run(&mut cargo(&[&["build"], args].concat()))
}

#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    failures: Vec<String>,
}

impl Tally {
    fn step(&mut self, name: &str, outcome: Outcome) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(Failure(why)) => self.fail(format!("{name}: {why}")),
        }
    }

    fn fail(&mut self, what: String) {
        self.failed += 1;
        self.failures.push(what);
    }

    /// Runs tests and adds up the lines in which the harness reports each binary's result.
    fn cargo_test(&mut self, selection: &[&str], filter: Option<&str>) -> Outcome {
        let mut args = [&["test", "--no-fail-fast"], selection].concat();
        args.extend(filter);
        let (mut passed, mut failed) = (0, 0);
        let mut names = Vec::new();
        let success = run_lines(&mut cargo(&args), |line| {
            if let Some((now_passed, now_failed)) = parse_result(line) {
                passed += now_passed;
                failed += now_failed;
            } else if let Some(name) =
                line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"))
            {
                names.push(name.to_owned());
            }
        })?;
        self.passed += passed;
        self.failed += failed;
        self.failures.extend(names);
        if !success && failed == 0 {
            // A test that does not build, or a binary that died, has no result line of its own.
            self.fail(format!("cargo {}", args.join(" ")));
        }
        Ok(())
    }

    fn close(self) -> Outcome {
        println!();
        for failure in &self.failures {
            println!("failed: {failure}");
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.failed == 0 { Ok(()) } else { Err(Failure("there were failures".into())) }
    }
}

/// Reads `test result: ok. 5 passed; 0 failed; …`.
fn parse_result(line: &str) -> Option<(u64, u64)> {
    let rest = line.strip_prefix("test result: ")?;
    let mut counts = rest.split_once(". ")?.1.split("; ");
    let passed = counts.next()?.strip_suffix(" passed")?.parse().ok()?;
    let failed = counts.next()?.strip_suffix(" failed")?.parse().ok()?;
    Some((passed, failed))
}

#[cfg(test)]
mod tests {
    use super::parse_result;

    #[test]
    fn reads_the_harness_result_line() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(parse_result(line), Some((12, 3)));
        assert_eq!(parse_result("test a::b ... ok"), None);
    }
}
