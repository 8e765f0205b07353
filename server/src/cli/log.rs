//! Where the log goes. It is written by a thread of its own: whoever logs waits for no disk, and for no terminal.

use super::Failure;
use crate::settings::{LogLevel, Rotation, Settings};
use std::path::Path;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{self, RollingFileAppender};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// Opens the log that the settings name. What is returned is to be kept until the end: dropping it writes what waits.
///
/// # Errors
/// The file cannot be written to.
pub fn open(settings: &Settings) -> Result<WorkerGuard, Failure> {
    let level = match settings.log_level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let lines = tracing_subscriber::fmt().with_max_level(level).with_target(false);
    let (writer, guard) = match &settings.log_file {
        None => tracing_appender::non_blocking(std::io::stderr()),
        Some(path) => {
            let file = file(path, settings)
                .map_err(|error| Failure::Message(format!("cannot log to {}: {error}", path.display())))?;
            tracing_appender::non_blocking(file)
        }
    };
    let colours = settings.log_file.is_none() && super::on_terminal();
    let lines = lines.with_writer(writer).with_ansi(colours);
    let set = if settings.log.json {
        lines.json().flatten_event(true).finish().try_init()
    } else {
        lines.finish().try_init()
    };
    set.map_err(|error| Failure::Message(error.to_string()))?;
    Ok(guard)
}

/// The file: the one that is named, or one for each hour or day, with its time between name and ending.
fn file(path: &Path, settings: &Settings) -> Result<RollingFileAppender, String> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or("the name is no text")?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Only where the system says why.
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let builder = RollingFileAppender::builder();
    let builder = match settings.log.rotation {
        Rotation::Never => {
            // The appender's own words hide what the system said.
            let opened = std::fs::OpenOptions::new().create(true).append(true).open(path);
            opened.map_err(|error| error.to_string())?;
            builder.rotation(rolling::Rotation::NEVER).filename_prefix(name)
        }
        rotation => {
            let (stem, ending) = name.rsplit_once('.').unwrap_or((name, "log"));
            let each = match rotation {
                Rotation::Hourly => rolling::Rotation::HOURLY,
                _ => rolling::Rotation::DAILY,
            };
            let builder = builder.rotation(each).filename_prefix(stem).filename_suffix(ending);
            // The appender makes room for a new file each time it begins, also where it goes on with the last one: so
            // that is one more than the one that is written, and those that are kept beside it.
            builder.max_log_files(settings.log.keep.saturating_add(2))
        }
    };
    builder.build(folder).map_err(|error| error.to_string())
}
