//! The table of settings: each with its names, its sentence of help, and how its value is read.

use super::{BPM, Device, Environment, HostName, Listen, LogLevel, Rotation, Settings, SettingsError};
use crate::encoding::opus::BITRATES;
use auralis_nodes::encoder::micros_of;
use ipnet::IpNet;
use std::path::PathBuf;

/// Requests in a minute.
const RATE: std::ops::RangeInclusive<u32> = 0..=1_000_000;

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

impl Definition {
    /// The name in the environment.
    pub fn variable(&self) -> String {
        format!("AURALIS_{}", self.name.replace('-', "_").to_uppercase())
    }

    /// The name in a configuration file.
    pub fn key(&self) -> String {
        self.name.replace('-', "_")
    }

    pub(super) fn apply(
        &self,
        settings: &mut Settings,
        value: &str,
        place: String,
    ) -> Result<(), SettingsError> {
        settings.given.insert(self.name, value.to_string());
        let shown: String = value.chars().take(60).collect();
        (self.set)(settings, value).map_err(|wants| SettingsError::Value { place, value: shown, wants })
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
        about: "Sound kept for late listeners, 0.5 to 600 s [default: the preset's, else 3]",
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
        name: "default-seed",
        alias: None,
        value: "SEED",
        about: "What chance is drawn from, a whole number from 0 [default: the preset's]",
        set: |s, text| number(text, 0..=u64::MAX).map(|seed| s.seed = Some(seed)),
    },
    Definition {
        name: "default-station",
        alias: None,
        value: "NAME",
        about: "The station that is heard at `/`, and that is always rendered [default: the first]",
        set: |s, text| {
            s.default_station = Some(text.trim().to_string()).filter(|name| !name.is_empty());
            Ok(())
        },
    },
    Definition {
        name: "private-stations",
        alias: None,
        value: "COUNT",
        about: "Stations that listeners may have for themselves, at once, 0 to 10000 [default: 0]",
        set: |s, text| number(text, 0..=10_000).map(|count| s.private_stations = count),
    },
    Definition {
        name: "private-presets",
        alias: None,
        value: "NAMES",
        about: "Presets that listeners may choose for them, separated by commas [default: the whole library]",
        set: |s, text| {
            let names: Vec<String> = list(text).map(str::to_string).collect();
            let known = auralis_library::ids();
            if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
                return Err(format!("names of the library, and `{unknown}` is none: {}", known.join(", ")));
            }
            s.private_presets = (!names.is_empty()).then_some(names);
            Ok(())
        },
    },
    Definition {
        name: "max-clients",
        alias: None,
        value: "COUNT",
        about: "Most listeners of all stations at once, 1 to 1000000 [default: 10000]",
        set: |s, text| number(text, 1..=1_000_000).map(|count| s.max_clients = count),
    },
    Definition {
        name: "clients-per-address",
        alias: None,
        value: "COUNT",
        about: "Most connections at once from one address, this machine's own not counted, 1 to 1000000 [default: 256]",
        set: |s, text| number(text, 1..=1_000_000).map(|count| s.clients_per_address = count),
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
            s.log_file = file(text)?;
            Ok(())
        },
    },
    Definition {
        name: "log-rotation",
        alias: None,
        value: "WHEN",
        about: "When another log file is begun, its time in its name: never, hourly or daily, in UTC [default: never]",
        set: |s, text| {
            s.log.rotation = Rotation::named(text).ok_or("never, hourly or daily")?;
            Ok(())
        },
    },
    Definition {
        name: "log-keep",
        alias: None,
        value: "FILES",
        about: "Log files that are kept where others are begun, 1 to 10000; the oldest go [default: 14]",
        set: |s, text| number(text, 1..=10_000).map(|files| s.log.keep = files),
    },
    Definition {
        name: "log-format",
        alias: None,
        value: "FORMAT",
        about: "How a line of the log is written: text or json [default: text]",
        set: |s, text| {
            s.log.json = match text.trim().to_lowercase().as_str() {
                "text" => false,
                "json" => true,
                _ => return Err("text or json".into()),
            };
            Ok(())
        },
    },
    Definition {
        name: "memory-warning-mb",
        alias: None,
        value: "MB",
        about: "Memory in use from which on the log warns, up to 1000000 MB; 0 never [default: 500]",
        set: |s, text| number(text, 0..=1_000_000).map(|mb| s.memory.warning = mb),
    },
    Definition {
        name: "memory-error-mb",
        alias: None,
        value: "MB",
        about: "The same, as an error [default: 1000]",
        set: |s, text| number(text, 0..=1_000_000).map(|mb| s.memory.error = mb),
    },
    Definition {
        name: "cors-origins",
        alias: None,
        value: "URLS",
        about: "Origins other than the station's own whose pages may use it, separated by commas [default: http://localhost:3000]",
        set: |s, text| {
            s.cors_origins = list(text).map(str::to_string).collect();
            Ok(())
        },
    },
    Definition {
        name: "assets",
        alias: None,
        value: "FOLDERS",
        about: "Folders from which a preset that comes over the network may name files, separated by commas [default: none]",
        set: |s, text| {
            s.assets = list(text).map(PathBuf::from).collect();
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
            s.state = folder(text);
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
        name: "opus-bitrate",
        alias: None,
        value: "BITS",
        about: "Bits per second of Opus, 16000 to 510000 [default: 128000]",
        set: |s, text| number(text, BITRATES).map(|bits| s.opus_bitrate = bits),
    },
    Definition {
        name: "enable-opus",
        alias: None,
        value: "BOOL",
        about: "Whether listeners may have Opus [default: true]",
        set: |s, text| switch(text).map(|on| s.opus = on),
    },
    Definition {
        name: "record",
        alias: None,
        value: "DIR",
        about: "Folder to record the default station to, and those of the configuration file that say `record: true`: \
                FLAC files, DIR/NAME/2026-01-31T20-00-00Z.flac [default: nothing is recorded]",
        set: |s, text| {
            s.record = folder(text);
            Ok(())
        },
    },
    Definition {
        name: "record-minutes",
        alias: None,
        value: "MINUTES",
        about: "Minutes in a file of a recording, 1 to 1440, counted from midnight in UTC [default: 60]",
        set: |s, text| number(text, 1..=1440).map(|minutes| s.record_minutes = minutes),
    },
    Definition {
        name: "drain-sec",
        alias: None,
        value: "SECONDS",
        about: "Seconds that listeners have to hang up when the program is told to end, 0 to 600 [default: 1]",
        set: |s, text| number(text, 0.0..=600.0).map(|seconds| s.drain_seconds = seconds),
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
        about: "HTTPS and WSS only, by --ssl-cert-path and --ssl-key-path [default: false]",
        set: |s, text| switch(text).map(|on| s.doors.tls = on),
    },
    Definition {
        name: "ssl-cert-path",
        alias: None,
        value: "FILE",
        about: "Certificate, followed by those of its issuers (PEM); read anew when it changes and on SIGHUP [default: none]",
        set: |s, text| file(text).map(|file| s.doors.certificate = file),
    },
    Definition {
        name: "ssl-key-path",
        alias: None,
        value: "FILE",
        about: "The certificate's private key (PEM) [default: none]",
        set: |s, text| file(text).map(|file| s.doors.key = file),
    },
    Definition {
        name: "https-redirect-port",
        alias: None,
        value: "PORT",
        about: "Second port, such as 80, where HTTP is sent to HTTPS; 0 takes a free one [default: none]",
        set: |s, text| number(text, 0..=65_535).map(|port| s.doors.redirect_port = Some(port)),
    },
    Definition {
        name: "auth-keys",
        alias: None,
        value: "FILE",
        about: "Keys of tokens (a JSON Web Key Set), as `auralis token` makes it; read anew when it changes and on SIGHUP \
                [default: none]",
        set: |s, text| file(text).map(|file| s.doors.auth_keys = file),
    },
    Definition {
        name: "listen",
        alias: None,
        value: "WHO",
        about: "Who may listen: public is everybody, token who has a token [default: public]",
        set: |s, text| {
            s.doors.listen = match text.trim().to_lowercase().as_str() {
                "public" => Listen::Public,
                "token" => Listen::Token,
                _ => return Err("public or token".into()),
            };
            Ok(())
        },
    },
    Definition {
        name: "trusted-hosts",
        alias: None,
        value: "NAMES",
        about: "Names under which the station may be asked, such as radio.example.org or *.example.org, separated by \
                commas [default: any]",
        set: |s, text| {
            s.doors.trusted_hosts = list(text).map(HostName::read).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Definition {
        name: "trusted-proxies",
        alias: None,
        value: "NETWORKS",
        about: "Networks of proxies that are believed about who asks (X-Forwarded-For, X-Forwarded-Proto, Forwarded), such \
                as 10.0.0.0/8, separated by commas [default: none]",
        set: |s, text| {
            let network = |text: &str| {
                let alone = || text.parse::<std::net::IpAddr>().map(IpNet::from);
                text.parse()
                    .or_else(|_| alone())
                    .map_err(|_| "networks such as 10.0.0.0/8 or ::1".to_string())
            };
            s.doors.trusted_proxies = list(text).map(network).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Definition {
        name: "status-rate",
        alias: None,
        value: "COUNT",
        about: "Requests for the status that an address may make in a minute, 0 for any number [default: 10 in \
                production, else 0]",
        set: |s, text| number(text, RATE).map(|count| s.doors.rates.status = Some(count)),
    },
    Definition {
        name: "metrics-rate",
        alias: None,
        value: "COUNT",
        about: "Requests for the metrics that an address may make in a minute, 0 for any number [default: 5 in \
                production, else 0]",
        set: |s, text| number(text, RATE).map(|count| s.doors.rates.metrics = Some(count)),
    },
    Definition {
        name: "control-rate",
        alias: None,
        value: "COUNT",
        about: "Changes over HTTP that an address may make in a minute, 0 for any number [default: 60 in production, \
                else 0]",
        set: |s, text| number(text, RATE).map(|count| s.doors.rates.control = Some(count)),
    },
    Definition {
        name: "station-rate",
        alias: None,
        value: "COUNT",
        about: "Private stations that an address may ask for in a minute, 0 for any number; this machine may always ask \
                [default: 5 in production, else 0]",
        set: |s, text| number(text, RATE).map(|count| s.doors.rates.stations = Some(count)),
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

fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display + Copy>(
    text: &str,
    range: std::ops::RangeInclusive<T>,
) -> Result<T, String> {
    let value = text.trim().parse().ok().filter(|value| range.contains(value));
    value.ok_or_else(|| format!("a number from {} to {}", range.start(), range.end()))
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" | "" => Ok(false),
        _ => Err("true or false".into()),
    }
}

fn file(text: &str) -> Result<Option<PathBuf>, String> {
    Ok(Some(text.trim()).filter(|text| !text.is_empty()).map(PathBuf::from))
}

/// A folder, or `none`.
fn folder(text: &str) -> Option<PathBuf> {
    Some(text.trim()).filter(|text| !matches!(*text, "" | "none")).map(PathBuf::from)
}

/// What commas separate.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}
