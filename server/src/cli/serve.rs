//! `auralis serve`: the station.

use super::{Failure, Outcome};
use crate::settings::{DEFINITIONS, Settings, environment};
use crate::station::Station;
use crate::web;
use auralis_library as library;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, error::ErrorKind};
use std::path::PathBuf;
use tokio::sync::watch;

/// Run a station that listeners hear in their browser.
///
/// Without further set-up it plays the preset `night_drift` on port 8000. Every setting can be given as a flag,
/// as an environment variable (AURALIS_PORT for --port, and so on; a .env file is read too) or in a configuration
/// file, in that order; what none of them says follows from the preset.
///
/// A station that is killed and started again goes on at the note that is due now, with what listeners have moved;
/// --state says where that is kept.
#[derive(Debug, Args)]
pub struct Serve {
    /// The preset to play.
    #[arg(default_value = library::DEFAULT)]
    preset: String,
    /// Read settings from this YAML file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// The settings given as flags, straight from the table of settings.
#[derive(Debug, Default)]
struct Flags(Vec<(&'static str, String)>);

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |name: &'static str| matches.get_one::<String>(name).map(|value| (name, value.clone()));
        Ok(Self(DEFINITIONS.iter().filter_map(|definition| given(definition.name)).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        DEFINITIONS.iter().fold(command, |command, definition| {
            let flag = Arg::new(definition.name).long(definition.name).value_name(definition.value);
            let help = format!("{} [env: {}]", definition.about, definition.variable());
            command.arg(flag.help(help).help_heading("Settings"))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl Serve {
    pub(super) fn run(self) -> Outcome {
        let variables = environment().map_err(|error| Failure::Message(error.to_string()))?;
        let settings = Settings::layered(self.config.as_deref(), &variables, &self.flags.0);
        let settings = settings.map_err(|error| match error {
            // A flag out of range is wrong use, like a flag that does not exist.
            error if error.to_string().starts_with("--") => {
                clap::Error::raw(ErrorKind::ValueValidation, format!("{error}\n")).exit()
            }
            error => Failure::Message(error.to_string()),
        })?;
        super::log::open(&settings)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(settings.threads)
            .enable_all()
            .build()
            .map_err(|error| Failure::Message(format!("cannot start: {error}")))?;
        let outcome = runtime.block_on(station(settings, &self.preset));
        // A preset that is being loaded, or a listener who takes nothing, is not waited for.
        runtime.shutdown_background();
        outcome
    }
}

/// How long listeners may take to hang up at the end.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(1);

async fn station(settings: Settings, preset: &str) -> Outcome {
    // The port first: to be told that it is taken should not take a second.
    let (host, port) = (settings.host, settings.port);
    let listener = web::listen(&settings)
        .await
        .map_err(|error| Failure::Message(format!("cannot listen on {host}:{port}: {error}")))?;
    let address = listener.local_addr()?;
    let station =
        Station::start(settings, auralis_nodes::catalogue(), preset).map_err(|error| match error {
            crate::station::StationError::Preset(mistakes) => Failure::Mistakes(mistakes),
            error => Failure::Message(error.to_string()),
        })?;
    let current = station.shared().current();
    super::show_warnings(&current.preset.warnings);
    let shown =
        if address.ip().is_unspecified() { "localhost".to_string() } else { address.ip().to_string() };
    tracing::info!("{} plays on http://{shown}:{}", current.preset.title(), address.port());
    let (stop, stopping) = watch::channel(false);
    let server = tokio::spawn(web::serve(listener, station.shared().clone(), stopping));
    super::signals::interrupted().await;
    tracing::info!("the station ends");
    // Listeners are told, requests answered; whoever does not let go is left.
    let _ = stop.send(true);
    let _ = tokio::time::timeout(FAREWELL, server).await;
    tokio::task::spawn_blocking(move || drop(station)).await.ok();
    Ok(())
}
