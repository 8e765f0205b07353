//! `cargo xtask bench`: runs the benches and prints one table of the figures that the project promises, the peers' of
//! the same run beside them. The figures are the medians that criterion wrote down; nothing is measured here.

mod figures;

use crate::shell;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// Runs all benches, then prints the table.
///
/// # Errors
/// A bench fails, or its results cannot be read.
pub fn run(root: &Path) -> Result<(), String> {
    let folder = root.join("target/criterion");
    let shown = folder.display().to_string();
    let began = SystemTime::now();
    shell::run(
        root,
        "cargo",
        &["bench", "--package", "auralis-tests", "--locked"],
        &[("CRITERION_HOME", &shown)],
    )?;
    let results = Results::read(&folder, began).map_err(|error| format!("{shown}: {error}"))?;
    let (processor, instructions) = (processor(), results.instructions());
    println!("{processor}, {instructions}; medians of processor time\n\n{}", figures::table(&results));
    Ok(())
}

/// What one bench came to.
#[derive(Debug, Clone, Copy)]
struct Measured {
    /// The median: nanoseconds for one pass, or bytes.
    median: f64,
    /// What one pass computes, such as nodes times frames; 1 where a bench does not say.
    elements: f64,
}

/// All benches of one run, by group and name.
#[derive(Debug, Default)]
struct Results(BTreeMap<(String, String), Measured>);

impl Results {
    /// Reads what criterion wrote since a moment; what is older belongs to another run.
    fn read(folder: &Path, since: SystemTime) -> std::io::Result<Self> {
        let mut results = Self::default();
        for group in fs::read_dir(folder)? {
            let group = group?.path();
            if !group.is_dir() {
                continue;
            }
            for bench in fs::read_dir(group)? {
                let new = bench?.path().join("new");
                let written = new.join("estimates.json").metadata().and_then(|file| file.modified());
                if written.is_ok_and(|written| written >= since) {
                    results.add(
                        &read_json(&new.join("benchmark.json"))?,
                        &read_json(&new.join("estimates.json"))?,
                    );
                }
            }
        }
        Ok(results)
    }

    fn add(&mut self, benchmark: &Json, estimates: &Json) {
        let text = |key: &str| benchmark[key].as_str().unwrap_or_default().to_string();
        let Some(median) = estimates["median"]["point_estimate"].as_f64() else { return };
        let elements = benchmark["throughput"]["Elements"].as_f64().unwrap_or(1.0);
        self.0.insert((text("group_id"), text("function_id")), Measured { median, elements });
    }

    fn get(&self, group: &str, bench: &str) -> Option<Measured> {
        self.0.get(&(group.to_string(), bench.to_string())).copied()
    }

    /// The instruction set that the engine chose: the first of those that voices were measured with.
    fn instructions(&self) -> &'static str {
        let measured = |level: &&&str| self.get("voices", level).is_some();
        figures::LEVELS.iter().find(measured).copied().unwrap_or("instruction set not known")
    }
}

fn read_json(path: &Path) -> std::io::Result<Json> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}

/// The processor's name and the number of its cores.
fn processor() -> String {
    let name = if cfg!(target_os = "macos") {
        shell::output(Path::new("."), "sysctl", &["-n", "machdep.cpu.brand_string"]).ok()
    } else if cfg!(windows) {
        std::env::var("PROCESSOR_IDENTIFIER").ok()
    } else {
        fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("model name"))?;
            Some(line.trim_start_matches([' ', '\t', ':']).to_string())
        })
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} cores (one used)", name.as_deref().map_or("unknown processor", str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn write(folder: &Path, group: &str, bench: &str, median: f64, elements: u64) {
        let new = folder.join(group).join(bench).join("new");
        fs::create_dir_all(&new).unwrap();
        let throughput = json!({ "Elements": elements });
        let benchmark = json!({ "group_id": group, "function_id": bench, "throughput": throughput });
        fs::write(new.join("benchmark.json"), benchmark.to_string()).unwrap();
        let estimates = json!({ "median": { "point_estimate": median }, "mean": { "point_estimate": 9e9 } });
        fs::write(new.join("estimates.json"), estimates.to_string()).unwrap();
    }

    #[test]
    fn medians_are_read_and_what_is_older_is_left_out() {
        let folder = std::env::temp_dir().join(format!("auralis-bench-{}", std::process::id()));
        let began = SystemTime::now() - std::time::Duration::from_secs(60);
        write(&folder, "empty", "Auralis", 5_000.0, 1_000);
        let results = Results::read(&folder, began).unwrap();
        assert_eq!(results.get("empty", "Auralis").unwrap().median, 5_000.0);
        let later = SystemTime::now() + std::time::Duration::from_secs(60);
        assert!(Results::read(&folder, later).unwrap().0.is_empty());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn figures_that_miss_or_were_not_measured_say_so() {
        let mut results = Results::default();
        let mut add = |group: &str, bench: &str, median, elements| {
            results.0.insert((group.into(), bench.into()), Measured { median, elements });
        };
        add("empty", "Auralis", 5_000.0, 1_000.0);
        add("empty", "dasp_graph", 17_000.0, 1_000.0);
        add("sounding", "Auralis", 128_000.0, 64_000.0);
        add("voices", "AVX2", 1e9, 48_000.0 * 6_000.0);
        let table = figures::table(&results);
        let line = |part: &str| table.lines().find(|line| line.contains(part)).unwrap().to_string();
        assert!(line("an empty node").contains("| 5.0 ns | <= 5 ns | dasp_graph 17.0 ns |"), "{table}");
        assert!(line("small nodes").contains("| **2.00 ns, missed** | <= 1.5 ns |"), "{table}");
        assert!(line("voices of `synth`, AVX2").contains("| 6,000 | >= 5,000 |"), "{table}");
        assert!(line("resident memory").contains("| not measured |"), "{table}");
        assert!(!table.contains("AVX-512"), "a machine without it is not asked for it: {table}");
        assert_eq!(results.instructions(), "AVX2");
    }
}
