//! The settings of a station: one table that feeds flags, environment variables, the configuration file and
//! the help. Precedence: flag, environment (and `.env`), configuration file, preset, built-in default.

mod doors;
mod log;
mod stations;
mod table;

pub use doors::{Doors, HostName, Listen, Rates};
pub use log::{Log, LogLevel, Rotation};
pub use stations::{OWN, StationLines};
pub use table::DEFINITIONS;

use crate::memory::Limits;
use auralis_graph::Source;
use auralis_graph::music::Key;
use auralis_graph::yaml::{Value, parse};
use stations::{definition_of, read_stations, scalar};
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
    /// Seed in place of the preset's.
    pub seed: Option<u64>,
    /// The stations that a configuration file names.
    pub stations: Vec<StationLines>,
    /// The station of the routes that name none; the first where this says nothing.
    pub default_station: Option<String>,
    /// Stations that listeners may have for themselves, at once.
    pub private_stations: usize,
    /// The presets that they may choose for them; all of the library where this says nothing.
    pub private_presets: Option<Vec<String>>,
    /// Most listeners at once.
    pub max_clients: usize,
    /// Most connections at once from one address that is not this machine's own.
    pub clients_per_address: usize,
    /// Bits per second of Opus.
    pub opus_bitrate: u32,
    /// Whether Opus is sent.
    pub opus: bool,
    /// The folder of recordings, of stations that are recorded.
    pub record: Option<PathBuf>,
    /// Minutes in a file of a recording.
    pub record_minutes: u32,
    /// Whether effects are heard.
    pub effects: bool,
    /// Least severe messages that are logged.
    pub log_level: LogLevel,
    /// Log file; standard error where there is none.
    pub log_file: Option<PathBuf>,
    /// How the log is written.
    pub log: Log,
    /// From where on memory is too much.
    pub memory: Limits,
    /// How the station is reached, and by whom.
    pub doors: Doors,
    /// Origins other than the station's own whose pages may use it.
    pub cors_origins: Vec<String>,
    /// Seconds that listeners have to hang up when the program ends.
    pub drain_seconds: f64,
    /// What was said, of which setting: flag, environment or file, the last to say it.
    pub given: BTreeMap<&'static str, String>,
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
            seed: None,
            stations: Vec::new(),
            default_station: None,
            private_stations: 0,
            private_presets: None,
            max_clients: 10_000,
            clients_per_address: 256,
            opus_bitrate: 128_000,
            opus: true,
            record: None,
            record_minutes: 60,
            effects: true,
            log_level: LogLevel::Info,
            log_file: None,
            log: Log::default(),
            memory: Limits { warning: 500, error: 1000 },
            doors: Doors::default(),
            cors_origins: vec!["http://localhost:3000".into()],
            drain_seconds: 1.0,
            given: BTreeMap::new(),
            assets: Vec::new(),
            state: auralis_graph::places::state_folder(),
            epoch: None,
        }
    }
}

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
    /// A setting without another that it needs.
    #[error("`--{what}` needs `--{needs}` (AURALIS_{})", needs.replace('-', "_").to_uppercase())]
    Needs {
        /// The setting.
        what: String,
        /// What it needs.
        needs: String,
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
        settings.doors.check()?;
        Ok(settings)
    }

    fn read_file(&mut self, path: &Path) -> Result<(), SettingsError> {
        let file = path.display().to_string();
        let failed = |message: String| SettingsError::File { file: file.clone(), message };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let parsed = parse(&text);
        let (Ok((_, mistakes)) | Err(mistakes)) = &parsed;
        if let Some(mistake) = mistakes.first() {
            let line = Source::new(file.as_str(), text.as_str()).position(mistake.span.start).line;
            return Err(failed(format!("line {line}: {}", mistake.message)));
        }
        let entries = match parsed.map(|(root, _)| root.value) {
            Ok(Value::Map(entries)) => entries,
            Ok(Value::Null) => Vec::new(),
            _ => return Err(failed("a configuration is a mapping from settings to values".into())),
        };
        for (key, value) in entries {
            if key.text == "stations" {
                self.stations = read_stations(value, &file)?;
                continue;
            }
            let definition = definition_of(&key.text, &file, |_| true)?;
            definition.apply(self, &scalar(&value), format!("`{}` in {file}", key.text))?;
        }
        Ok(())
    }

    /// How often an address may ask; 0 is any number.
    pub fn rates(&self) -> [u32; 4] {
        let Rates { status, metrics, control, stations } = self.doors.rates;
        let usual = if self.is_production() { Rates::PRODUCTION } else { Rates::default() };
        let control = control.or(usual.control);
        [status.or(usual.status), metrics.or(usual.metrics), control, stations.or(usual.stations)]
            .map(Option::unwrap_or_default)
    }

    /// The names of settings that others say otherwise: those that take hold only when the program starts.
    pub fn differences(&self, others: &Self) -> Vec<&'static str> {
        let names = self.given.keys().chain(others.given.keys());
        let mut names: Vec<_> =
            names.filter(|name| self.given.get(*name) != others.given.get(*name)).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().copied().collect()
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
            ("AURALIS_LOG_ROTATION", "weekly", "must be never, hourly or daily"),
            ("AURALIS_LOG_KEEP", "0", "from 1 to 10000"),
            ("AURALIS_LOG_FORMAT", "xml", "must be text or json"),
            ("AURALIS_MEMORY_ERROR_MB", "-1", "from 0 to 1000000"),
            ("AURALIS_SAMPLE_RATE", "NaN", "from 8000 to 192000"),
            ("AURALIS_CHUNK_DURATION_MS", "NaN", "from 10 to 1000"),
            ("AURALIS_LISTEN", "nobody", "must be public or token"),
            ("AURALIS_TRUSTED_HOSTS", "a:80", "names of hosts without port"),
            ("AURALIS_TRUSTED_PROXIES", "10.0.0.0/33", "networks such as 10.0.0.0/8"),
            ("AURALIS_STATUS_RATE", "-1", "from 0 to 1000000"),
            ("AURALIS_EPOCH", "yesterday", "must be an instant that has passed, in UTC, such as 2026-"),
            ("AURALIS_EPOCH", "2026-01-31", "must be an instant"),
            ("AURALIS_EPOCH", "9999-01-01T00:00:00Z", "must be an instant that has passed"),
        ] {
            let error = layered(&[(name, value)], &[]).unwrap_err().to_string();
            assert!(error.contains(wants), "{error}");
        }
        for (environment, wants) in [
            (
                &[("AURALIS_ENABLE_SSL", "true")][..],
                "`--enable-ssl` needs `--ssl-cert-path` (AURALIS_SSL_CERT_PATH)",
            ),
            (&[("AURALIS_ENABLE_SSL", "1"), ("AURALIS_SSL_CERT_PATH", "c")], "needs `--ssl-key-path`"),
            (&[("AURALIS_HTTPS_REDIRECT_PORT", "80")], "`--https-redirect-port` needs `--enable-ssl`"),
            (&[("AURALIS_LISTEN", "token")], "`--listen token` needs `--auth-keys`"),
        ] {
            let error = layered(environment, &[]).unwrap_err().to_string();
            assert!(error.contains(wants), "{error}");
        }
        assert_eq!(layered(&[("AURALIS_TORCH_THREADS", "3")], &[]).unwrap().threads, 3);
        let flag = layered(&[], &[("default-bpm", "10")]).unwrap_err().to_string();
        assert!(flag.starts_with("--default-bpm is `10`"), "{flag}");
    }
}
