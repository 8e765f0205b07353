//! Where the log goes, and what is no news.

use super::{Failure, Outcome};
use crate::settings::{LogLevel, Settings};
use std::fmt::Write;
use std::fs::OpenOptions;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Opens the log that the settings name.
///
/// # Errors
/// The file cannot be written to.
pub fn open(settings: &Settings) -> Outcome {
    let level = match settings.log_level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let lines = tracing_subscriber::fmt().with_max_level(level).with_target(false);
    let news = News { all: level == LevelFilter::DEBUG };
    let set = match &settings.log_file {
        None => {
            let lines = lines.with_writer(std::io::stderr).with_ansi(super::on_terminal());
            lines.finish().with(news).try_init()
        }
        Some(path) => {
            let failed = |error| Failure::Message(format!("cannot log to {}: {error}", path.display()));
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(failed)?;
            }
            let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
            lines.with_writer(file).with_ansi(false).finish().with(news).try_init()
        }
    };
    set.map_err(|error| Failure::Message(error.to_string()))
}

/// Passes over what warp calls an error: that somebody closed a page to which something was being sent.
struct News {
    all: bool,
}

impl<S: Subscriber> Layer<S> for News {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        if self.all || !event.metadata().target().starts_with("warp::server") {
            return true;
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        !message.0.starts_with("server connection error")
    }
}

/// What an event says.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            // Writing to a text does not fail.
            let _ = write!(self.0, "{value:?}");
        }
    }
}
