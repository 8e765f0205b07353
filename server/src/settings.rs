//! The settings of a station: one table that feeds flags, environment variables, the configuration file and
//! the help. Precedence: flag, environment (and `.env`), configuration file, preset, built-in default.

use auralis_graph::music::Key;
use auralis_nodes::encoder::micros_of;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Tempo that listeners and operators may ask for, in beats per minute.
pub const BPM: std::ops::RangeInclusive<f64> = 40.0..=200.0;

/// What a station runs by. What is `None` follows from the preset.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 takes any free one.
    pub port: u16,
    /// Development or production.
    pub environment: Environment,
    /// Frames per second.
    pub sample_rate: u32,
    /// Sound in one chunk, in ms.
    pub chunk_ms: Option<f64>,
    /// Sound kept for late listeners, in seconds.
    pub buffer_seconds: Option<f64>,
    /// What renders.
    pub device: Device,
    /// Threads that serve and render.
    pub threads: usize,
    /// Key at the start.
    pub key: Option<Key>,
    /// Tempo at the start.
    pub bpm: Option<f64>,
    /// Intensity at the start.
    pub intensity: Option<f32>,
    /// Most listeners at once.
    pub max_clients: usize,
    /// Whether effects are heard.
    pub effects: bool,
    /// Least severe messages that are logged.
    pub log_level: LogLevel,
    /// Log file; standard error where there is none.
    pub log_file: Option<PathBuf>,
    /// Origins other than the station's own whose pages may use it.
    pub cors_origins: Vec<String>,
    /// Folders from which a preset that comes over the network may name files.
    pub assets: Vec<PathBuf>,
    /// Where position and changes are kept over a restart; nowhere if there is no folder.
    pub state: Option<PathBuf>,
    /// The instant of position 0, in microseconds since the Unix epoch.
    pub epoch: Option<i64>,
}

/// What a station is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// On a developer's machine.
    Development,
    /// For the public.
    Production,
}

/// What renders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The best that is there.
    Auto,
    /// The processor.
    Cpu,
}

/// Severity of log messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What an operator wants to know.
    Info,
    /// What may become a fault.
    Warning,
    /// Faults.
    Error,
}

impl Default for Settings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            host: IpAddr::from([0, 0, 0, 0]),
            port: 8000,
            environment: Environment::Development,
            sample_rate: 44_100,
            chunk_ms: None,
            buffer_seconds: None,
            device: Device::Auto,
            threads: cores.min(8),
            key: None,
            bpm: None,
            intensity: None,
            max_clients: 10_000,
            effects: true,
            log_level: LogLevel::Info,
            log_file: None,
            cors_origins: vec!["http://localhost:3000".into()],
            assets: Vec::new(),
            state: auralis_graph::places::state_folder(),
            epoch: None,
        }
    }
}

/// One setting: its name as a flag (`--sample-rate`), in a configuration file (`sample_rate`) and in the
/// environment (`AURALIS_SAMPLE_RATE`).
pub struct Definition {
    /// Name with `-` between words.
    pub name: &'static str,
    /// Another name in the environment.
    pub alias: Option<&'static str>,
    /// What the value looks like, for the help.
    pub value: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Reads a value into the settings, or says what is legal.
    pub set: fn(&mut Settings, &str) -> Result<(), String>,
}

fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display + Copy>(
    text: &str,
    range: std::ops::RangeInclusive<T>,
) -> Result<T, String> {
    let value = text.trim().parse().ok().filter(|value| range.contains(value));
    value.ok_or_else(|| format!("a number from {} to {}", range.start(), range.end()))
}

fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" | "" => Ok(false),
        _ => Err("true or false".into()),
    }
}

/// Every setting.
pub const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "host",
        alias: None,
        value: "ADDRESS",
        about: "Address to listen on; 0.0.0.0 is every interface, 127.0.0.1 this machine only [default: 0.0.0.0]",
        set: |s, text| {
            let text = if text.trim() == "localhost" { "127.0.0.1" } else { text.trim() };
            s.host = text.parse().map_err(|_| "an IP address, such as 0.0.0.0 or ::1")?;
            Ok(())
        },
    },
    Definition {
        name: "port",
        alias: None,
        value: "PORT",
        about: "Port to listen on; 0 takes a free one [default: 8000]",
        set: |s, text| number(text, 0..=65_535).map(|port| s.port = port),
    },
    Definition {
        name: "env",
        alias: None,
        value: "ENV",
        about: "development or production [default: development]",
        set: |s, text| {
            s.environment = match text.trim().to_lowercase().as_str() {
                "development" => Environment::Development,
                "production" => Environment::Production,
                _ => return Err("development or production".into()),
            };
            Ok(())
        },
    },
    Definition {
        name: "sample-rate",
        alias: None,
        value: "HZ",
        about: "Frames per second, 8000 to 192000 [default: 44100]",
        set: |s, text| number(text, 8_000..=192_000).map(|rate| s.sample_rate = rate),
    },
    Definition {
        name: "chunk-duration-ms",
        alias: None,
        value: "MS",
        about: "Sound in one chunk, 10 to 1000 ms [default: the preset's, else 100]",
        set: |s, text| number(text, 10.0..=1000.0).map(|ms| s.chunk_ms = Some(ms)),
    },
    Definition {
        name: "buffer-capacity-sec",
        alias: None,
        value: "SECONDS",
        about: "Sound kept for late listeners, 0.5 to 600 s [default: the preset's, else 2]",
        set: |s, text| number(text, 0.5..=600.0).map(|seconds| s.buffer_seconds = Some(seconds)),
    },
    Definition {
        name: "device",
        alias: None,
        value: "DEVICE",
        about: "What renders: auto or cpu [default: auto]",
        set: |s, text| {
            s.device = match text.trim().to_lowercase().as_str() {
                "auto" => Device::Auto,
                "cpu" => Device::Cpu,
                name @ ("metal" | "mps" | "cuda" | "vulkan") => {
                    return Err(format!(
                        "auto or cpu; `{name}` needs a GPU backend, which this version has not"
                    ));
                }
                _ => return Err("auto or cpu".into()),
            };
            Ok(())
        },
    },
    Definition {
        name: "threads",
        alias: Some("AURALIS_TORCH_THREADS"),
        value: "COUNT",
        about: "Threads that serve and render, 1 to 256 [default: the machine's cores, at most 8]",
        set: |s, text| number(text, 1..=256).map(|threads| s.threads = threads),
    },
    Definition {
        name: "default-key",
        alias: None,
        value: "KEY",
        about: "Key at the start, such as \"C minor\" [default: the preset's]",
        set: |s, text| {
            text.parse()
                .map(|key| s.key = Some(key))
                .map_err(|error: auralis_graph::music::KeyError| error.to_string())
        },
    },
    Definition {
        name: "default-bpm",
        alias: None,
        value: "BPM",
        about: "Tempo at the start, 40 to 200 [default: the preset's]",
        set: |s, text| number(text, BPM).map(|bpm| s.bpm = Some(bpm)),
    },
    Definition {
        name: "default-intensity",
        alias: None,
        value: "0..1",
        about: "Intensity at the start, 0 to 1 [default: the preset's]",
        set: |s, text| number(text, 0.0..=1.0).map(|intensity| s.intensity = Some(intensity)),
    },
    Definition {
        name: "max-clients",
        alias: None,
        value: "COUNT",
        about: "Most listeners at once, 1 to 1000000 [default: 10000]",
        set: |s, text| number(text, 1..=1_000_000).map(|count| s.max_clients = count),
    },
    Definition {
        name: "log-level",
        alias: None,
        value: "LEVEL",
        about: "Least severe messages that are logged: debug, info, warning or error [default: info]",
        set: |s, text| {
            s.log_level = match text.trim().to_lowercase().as_str() {
                "debug" => LogLevel::Debug,
                "info" => LogLevel::Info,
                "warning" | "warn" => LogLevel::Warning,
                "error" => LogLevel::Error,
                _ => return Err("debug, info, warning or error".into()),
            };
            Ok(())
        },
    },
    Definition {
        name: "log-file",
        alias: None,
        value: "FILE",
        about: "File to log to [default: standard error]",
        set: |s, text| {
            s.log_file = (!text.trim().is_empty()).then(|| PathBuf::from(text.trim()));
            Ok(())
        },
    },
    Definition {
        name: "cors-origins",
        alias: None,
        value: "URLS",
        about: "Origins other than the station's own whose pages may use it, separated by commas [default: http://localhost:3000]",
        set: |s, text| {
            s.cors_origins =
                text.split(',').map(|origin| origin.trim().to_string()).filter(|o| !o.is_empty()).collect();
            Ok(())
        },
    },
    Definition {
        name: "assets",
        alias: None,
        value: "FOLDERS",
        about: "Folders from which a preset that comes over the network may name files, separated by commas [default: none]",
        set: |s, text| {
            s.assets = text
                .split(',')
                .map(str::trim)
                .filter(|folder| !folder.is_empty())
                .map(PathBuf::from)
                .collect();
            Ok(())
        },
    },
    Definition {
        name: "state",
        alias: None,
        value: "DIR",
        about: "Folder that keeps position and changes over a restart, `none` for none [default: $XDG_STATE_HOME/auralis, \
                else ~/.local/state/auralis; macOS: ~/Library/Application Support/Auralis/stations; Windows: \
                %LOCALAPPDATA%\\Auralis]",
        set: |s, text| {
            let text = text.trim();
            s.state = (!matches!(text, "" | "none")).then(|| PathBuf::from(text));
            Ok(())
        },
    },
    Definition {
        name: "epoch",
        alias: None,
        value: "TIME",
        about: "Instant of position 0, such as 2026-01-31T20:00:00Z: what is due now is played now [default: the one \
                that --state keeps, else the first start]",
        set: |s, text| {
            let wants = "an instant that has passed, in UTC, such as 2026-01-31T20:00:00Z";
            let passed = |at: &i64| *at <= crate::station::now_micros();
            s.epoch = Some(micros_of(text.trim()).filter(passed).ok_or(wants)?);
            Ok(())
        },
    },
    Definition {
        name: "enable-effects",
        alias: None,
        value: "BOOL",
        about: "Whether effects with a `mix` (reverb, delay, chorus, compressor) are heard; false plays them dry [default: true]",
        set: |s, text| switch(text).map(|on| s.effects = on),
    },
    Definition {
        name: "enable-ssl",
        alias: None,
        value: "BOOL",
        about: "TLS: not yet available, true stops the start; put a proxy in front [default: false]",
        set: |_, text| match switch(text)? {
            true => Err("false: TLS is not yet available; put a proxy that has it in front".into()),
            false => Ok(()),
        },
    },
    Definition {
        name: "enable-transformer",
        alias: None,
        value: "BOOL",
        about: "Composition by a transformer: not yet available, true stops the start [default: false]",
        set: |_, text| match switch(text)? {
            true => Err("false: composition by a transformer is not yet available".into()),
            false => Ok(()),
        },
    },
];

/// Why the settings cannot be used: one line that names the setting, its value and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A value out of range.
    #[error("{place} is `{value}`, but must be {wants}")]
    Value {
        /// The flag, variable or key.
        place: String,
        /// The value given.
        value: String,
        /// What would be right.
        wants: String,
    },
    /// A key that a configuration file cannot have.
    #[error("{file} has no setting `{key}`{hint}")]
    Unknown {
        /// The file.
        file: String,
        /// The key.
        key: String,
        /// The nearest legal key.
        hint: String,
    },
    /// A configuration file that cannot be read.
    #[error("{file}: {message}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
    },
}

impl Definition {
    /// The name in the environment.
    pub fn variable(&self) -> String {
        format!("AURALIS_{}", self.name.replace('-', "_").to_uppercase())
    }

    /// The name in a configuration file.
    pub fn key(&self) -> String {
        self.name.replace('-', "_")
    }

    fn apply(&self, settings: &mut Settings, value: &str, place: String) -> Result<(), SettingsError> {
        let shown: String = value.chars().take(60).collect();
        (self.set)(settings, value).map_err(|wants| SettingsError::Value { place, value: shown, wants })
    }
}

impl Settings {
    /// Layers the defaults, a configuration file, the environment and flags (name and value).
    ///
    /// # Errors
    /// The first value that is not legal, weakest layer first, with its place.
    pub fn layered(
        file: Option<&Path>,
        environment: &BTreeMap<String, String>,
        flags: &[(&str, String)],
    ) -> Result<Self, SettingsError> {
        let mut settings = Self::default();
        if let Some(file) = file {
            settings.read_file(file)?;
        }
        for definition in DEFINITIONS {
            let names = [definition.alias.map(str::to_string), Some(definition.variable())];
            for name in names.into_iter().flatten() {
                if let Some(value) = environment.get(&name) {
                    definition.apply(&mut settings, value, name)?;
                }
            }
        }
        for (name, value) in flags {
            if let Some(definition) = DEFINITIONS.iter().find(|definition| definition.name == *name) {
                definition.apply(&mut settings, value, format!("--{name}"))?;
            }
        }
        Ok(settings)
    }

    fn read_file(&mut self, path: &Path) -> Result<(), SettingsError> {
        use auralis_graph::yaml::{Value, parse};
        let file = path.display().to_string();
        let failed = |message: String| SettingsError::File { file: file.clone(), message };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let (root, mistakes) = parse(&text).map_err(|mut m| failed(m.remove(0).message))?;
        if let Some(mistake) = mistakes.first() {
            return Err(failed(mistake.message.clone()));
        }
        let entries = match root.value {
            Value::Map(entries) => entries,
            Value::Null => Vec::new(),
            _ => return Err(failed("a configuration is a mapping from settings to values".into())),
        };
        for (key, value) in entries {
            let names: Vec<String> = DEFINITIONS.iter().map(Definition::key).collect();
            let Some(definition) = DEFINITIONS.iter().find(|definition| definition.key() == key.text) else {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let near = auralis_graph::diagnostic::nearest(&key.text, &names);
                let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                return Err(SettingsError::Unknown { file, key: key.text.to_string(), hint });
            };
            let value = match &value.value {
                Value::List(list) => list.iter().filter_map(|v| v.text()).collect::<Vec<_>>().join(","),
                _ => value.text().unwrap_or_default().to_string(),
            };
            definition.apply(self, &value, format!("`{}` in {file}", key.text))?;
        }
        Ok(())
    }

    /// Whether the station serves the public.
    pub fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }
}

/// The variables of this process and of a `.env` file, by upper-case name; the process wins.
///
/// # Errors
/// A `.env` file that is there and cannot be read.
pub fn environment() -> Result<BTreeMap<String, String>, SettingsError> {
    let mut variables = BTreeMap::new();
    match dotenvy::dotenv_iter() {
        Ok(lines) => {
            for line in lines {
                let (name, value) = line.map_err(|error| SettingsError::File {
                    file: ".env".into(),
                    message: error.to_string(),
                })?;
                variables.insert(name.to_uppercase(), value);
            }
        }
        Err(error) if error.not_found() => {}
        Err(error) => return Err(SettingsError::File { file: ".env".into(), message: error.to_string() }),
    }
    for (name, value) in std::env::vars_os() {
        if let (Some(name), Some(value)) = (name.to_str(), value.to_str()) {
            variables.insert(name.to_uppercase(), value.to_string());
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn layered(environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let flags: Vec<(&str, String)> =
            flags.iter().map(|(name, value)| (*name, value.to_string())).collect();
        Settings::layered(None, &env(environment), &flags)
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let path = std::env::temp_dir().join(format!("auralis-settings-{}.yaml", std::process::id()));
        std::fs::write(&path, "port: 1\nmax_clients: 5\ncors_origins: [a, b]\n").unwrap();
        let environment = env(&[("AURALIS_PORT", "2"), ("AURALIS_DEFAULT_BPM", "92.5")]);
        let flags = [("port", "3".to_string())];
        let settings = Settings::layered(Some(&path), &environment, &flags).unwrap();
        assert_eq!((settings.port, settings.max_clients, settings.bpm), (3, 5, Some(92.5)));
        assert_eq!(settings.cors_origins, ["a", "b"]);
        assert_eq!(settings.key, None, "what nobody set follows from the preset");
        std::fs::write(&path, "prot: 1\n").unwrap();
        let unknown = Settings::layered(Some(&path), &env(&[]), &[]).unwrap_err().to_string();
        assert!(unknown.ends_with("has no setting `prot`; did you mean `port`?"), "{unknown}");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_value_out_of_range_names_variable_value_and_range() {
        for (name, value, wants) in [
            ("AURALIS_PORT", "99999", "AURALIS_PORT is `99999`, but must be a number from 0 to 65535"),
            (
                "AURALIS_DEFAULT_BPM",
                "300",
                "AURALIS_DEFAULT_BPM is `300`, but must be a number from 40 to 200",
            ),
            ("AURALIS_DEFAULT_INTENSITY", "2", "must be a number from 0 to 1"),
            ("AURALIS_DEFAULT_KEY", "H", "is not a key"),
            ("AURALIS_ENV", "test", "must be development or production"),
            ("AURALIS_ENABLE_TRANSFORMER", "true", "not yet available"),
            ("AURALIS_THREADS", "0", "from 1 to 256"),
            ("AURALIS_SAMPLE_RATE", "NaN", "from 8000 to 192000"),
            ("AURALIS_CHUNK_DURATION_MS", "NaN", "from 10 to 1000"),
            ("AURALIS_EPOCH", "yesterday", "must be an instant that has passed, in UTC, such as 2026-"),
            ("AURALIS_EPOCH", "2026-01-31", "must be an instant"),
            ("AURALIS_EPOCH", "9999-01-01T00:00:00Z", "must be an instant that has passed"),
        ] {
            let error = layered(&[(name, value)], &[]).unwrap_err().to_string();
            assert!(error.contains(wants), "{error}");
        }
        assert_eq!(layered(&[("AURALIS_TORCH_THREADS", "3")], &[]).unwrap().threads, 3);
        let flag = layered(&[], &[("default-bpm", "10")]).unwrap_err().to_string();
        assert!(flag.starts_with("--default-bpm is `10`"), "{flag}");
    }
}
