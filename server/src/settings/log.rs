//! How the log is written: the settings of it.

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// When another file is begun.
    pub rotation: Rotation,
    /// Files that are kept where others are begun.
    pub keep: usize,
    /// Whether lines are JSON.
    pub json: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { rotation: Rotation::Never, keep: 14, json: false }
    }
}

/// When another log file is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// There is one.
    Never,
    /// Each hour.
    Hourly,
    /// Each day.
    Daily,
}

impl Rotation {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.trim().to_lowercase().as_str() {
            "never" => Some(Self::Never),
            "hourly" => Some(Self::Hourly),
            "daily" => Some(Self::Daily),
            _ => None,
        }
    }
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
