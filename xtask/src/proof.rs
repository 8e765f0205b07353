//! What is shown of the engine beyond its tests: models of its threads (loom), its unsafe code step by step (Miri), its
//! readers under fire (cargo-fuzz), a day of its life (soak), and how evenly it computes (steady).

use crate::shell;
use std::path::Path;

/// Runs the models. They are built apart: with loom's types nothing else works.
///
/// # Errors
/// One does not hold.
pub fn loom(root: &Path) -> Result<(), String> {
    let packages = ["--package", "auralis-graph", "--package", "auralis-nodes"];
    let rest = ["--lib", "--locked", "--profile", "loom", "--target-dir", "target/loom", "models::"];
    let arguments: Vec<&str> = ["test"].into_iter().chain(packages).chain(rest).collect();
    shell::run(root, "cargo", &arguments, &[("RUSTFLAGS", "--cfg loom")])
}

/// What Miri runs: the tests of what stands on unsafe code. It takes a thousand times as long as the processor.
const UNDER_MIRI: [&str; 3] = [
    "--package auralis-graph --lib --test quanta -- engine:: note:: lanes::tests::a_lane an_engine_is",
    "--package auralis-graph --all-features --test workers -- stays_until_it_is_done",
    "--package auralis-nodes --lib -- ring_buffer::",
];

/// Runs unsafe code under Miri.
///
/// # Errors
/// Miri is not there, or found something.
pub fn miri(root: &Path) -> Result<(), String> {
    for tests in UNDER_MIRI {
        // Workers are there for the life of the process.
        let leaks = if tests.contains("workers") { " -Zmiri-ignore-leaks" } else { "" };
        let flags = format!("-Zmiri-disable-isolation{leaks}");
        let arguments = ["+nightly", "miri", "test", "--locked"].into_iter().chain(tests.split_whitespace());
        let arguments: Vec<&str> = arguments.collect();
        shell::run(root, "cargo", &arguments, &[("MIRIFLAGS", &flags)])?;
    }
    Ok(())
}

/// Whether a nightly toolchain has Miri.
pub fn miri_is_there(root: &Path) -> bool {
    shell::succeeds(root, "cargo", &["+nightly", "miri", "--version"])
}

/// How long what reads strangers' words is under fire.
#[derive(clap::Args)]
pub struct Fuzz {
    /// Seconds, for each target.
    #[arg(long, default_value_t = 600)]
    seconds: u32,
}

impl Fuzz {
    /// Runs the fuzz targets one after the other: the reader of presets from the shipped ones on, and what a listener
    /// says over a WebSocket.
    ///
    /// # Errors
    /// cargo-fuzz is not there, or something broke a target: the file that it names has it.
    pub fn run(&self, root: &Path) -> Result<(), String> {
        for (target, seeds) in [("preset", &["presets"][..]), ("client", &[])] {
            let corpus = format!("fuzz/corpus/{target}");
            std::fs::create_dir_all(root.join(&corpus)).map_err(|error| format!("{corpus}: {error}"))?;
            let time = format!("-max_total_time={}", self.seconds);
            let words = format!("-dict=fuzz/{target}.dict");
            // A text of that length shows all that a longer one does, and sooner.
            let limits = ["--", "-max_len=16384", "-timeout=10", "-rss_limit_mb=2048", &words, &time];
            let arguments = [&["+nightly", "fuzz", "run", target, &corpus], seeds, &limits[..]].concat();
            shell::run(root, "cargo", &arguments, &[])?;
        }
        Ok(())
    }
}

/// How long the station plays.
#[derive(clap::Args)]
pub struct Soak {
    /// Hours of the station's time.
    #[arg(long, default_value_t = 24.0)]
    hours: f64,
    /// Minutes of the station's time, in the place of hours.
    #[arg(long)]
    minutes: Option<f64>,
    /// Minutes of real time, with listeners who come and go, after that; 0 for none.
    #[arg(long, default_value_t = 30.0)]
    live: f64,
}

impl Soak {
    /// Plays them as fast as it goes, and then at its own pace.
    ///
    /// # Errors
    /// Memory grew, a node failed, or something was heard that must not be.
    pub fn run(&self, root: &Path) -> Result<(), String> {
        let minutes = self.minutes.unwrap_or(self.hours * 60.0).to_string();
        let live = self.live.to_string();
        let run = |test: &str, setting: (&str, &str)| {
            let arguments = ["test", "--package", "auralis-tests", "--all-features", "--locked"];
            let arguments = [&arguments[..], &["--test", test, "--", "--nocapture"]].concat();
            shell::run(root, "cargo", &arguments, &[setting])
        };
        run("soak", ("AURALIS_SOAK_MINUTES", &minutes))?;
        if self.live > 0.0 {
            run("churn", ("AURALIS_CHURN_MINUTES", &live))?;
        }
        Ok(())
    }
}

/// How long it is measured how evenly the audio thread computes.
#[derive(clap::Args)]
pub struct Steady {
    /// Minutes.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
}

impl Steady {
    /// Plays a graph that takes half of one core in real time, and prints what its blocks took.
    ///
    /// # Errors
    /// One block in a thousand takes more than twice as long as the median.
    pub fn run(&self, root: &Path) -> Result<(), String> {
        let bench = ["bench", "--package", "auralis-tests", "--locked", "--bench", "steady"];
        shell::run(root, "cargo", &bench, &[("AURALIS_STEADY_MINUTES", &self.minutes.to_string())])
    }
}
