//! The command line: what to do, as `--mode frames` or `--mode cameras`, and limits, each as `--name NUMBER`.

/// What the worker is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Frames out of footage.
    #[default]
    Frames,
    /// Footage out of cameras' packets.
    Cameras,
}

/// What to do, and the limits that the worker puts on itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Args {
    /// `--mode`.
    pub(crate) mode: Mode,
    /// `--memory-max-bytes`: address space.
    pub(crate) memory_max_bytes: u64,
    /// `--cpu-max-s`: processor time over the whole life of the process, in seconds. Without meaning for cameras, which last.
    pub(crate) cpu_max_s: u64,
    /// `--files-max`: file descriptors.
    pub(crate) files_max: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { mode: Mode::default(), memory_max_bytes: 1 << 30, cpu_max_s: 600, files_max: 64 }
    }
}

impl Args {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self::default();
        while let Some(name) = words.next() {
            if name == "--mode" {
                args.mode = match words.next().as_deref() {
                    Some("frames") => Mode::Frames,
                    Some("cameras") => Mode::Cameras,
                    other => {
                        return Err(format!(
                            "--mode takes frames or cameras, not {:?}",
                            other.unwrap_or_default()
                        ));
                    }
                };
                continue;
            }
            let field = match name.as_str() {
                "--memory-max-bytes" => &mut args.memory_max_bytes,
                "--cpu-max-s" => &mut args.cpu_max_s,
                "--files-max" => &mut args.files_max,
                _ => return Err(format!("unknown argument {name}; this program is started by kinetoscope")),
            };
            let value = words.next().unwrap_or_default();
            *field = value.parse().map_err(|_| format!("{name} takes a number, not {value:?}"))?;
        }
        Ok(args)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn limits_are_read_and_anything_else_is_refused() {
        let args = parse("--cpu-max-s 7 --memory-max-bytes 8 --mode cameras --files-max 9").unwrap();
        assert_eq!(args, Args { mode: Mode::Cameras, memory_max_bytes: 8, cpu_max_s: 7, files_max: 9 });
        assert_eq!(parse("").unwrap(), Args::default());
        for line in
            ["--cpu-max-s", "--cpu-max-s x", "--files-max -1", "--mode x", "--mode", "--help", "file.mp4"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
