//! `auralis serve`: the station.

use super::{Failure, Outcome};
use crate::memory::{self, Alarm};
use crate::renewal::Hangups;
use crate::settings::{DEFINITIONS, Settings, environment};
use crate::station::StationError;
use crate::stations::{self, OpenError, Planned, Reloaded, Stations};
use crate::web::Doors;
use auralis_library as library;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, error::ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
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
    /// The preset to play, or a folder: then each preset in it is a station, heard at /s/NAME/ [default: night_drift].
    preset: Option<String>,
    /// Read settings from this YAML file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only check the settings, the presets, the certificate and the keys, and say what is wrong with them.
    #[arg(long)]
    check_config: bool,
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
        let Self { preset, config, check_config, flags } = self;
        let layered = move || Settings::layered(config.as_deref(), &variables, &flags.0);
        let settings = layered().map_err(|error| match error {
            // A flag out of range is wrong use, like a flag that does not exist.
            error if error.to_string().starts_with("--") => {
                clap::Error::raw(ErrorKind::ValueValidation, format!("{error}\n")).exit()
            }
            error => Failure::Message(error.to_string()),
        })?;
        let planned = planned(&settings, preset.as_deref()).map_err(Failure::Message)?;
        if check_config {
            return check(&settings, &planned);
        }
        let again = move || {
            let settings = layered().map_err(|error| error.to_string())?;
            let planned = self::planned(&settings, preset.as_deref())?;
            Ok((settings, planned))
        };
        // Kept to the end: what is logged is written by a thread of its own.
        let _log = super::log::open(&settings)?;
        // A connection is a file: as many as the system grants.
        if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
            tracing::warn!("the system keeps its limit of open files: {error}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(settings.threads)
            .enable_all()
            .build()
            .map_err(|error| Failure::Message(format!("cannot start: {error}")))?;
        let outcome = runtime.block_on(serve(settings, planned, Box::new(again)));
        // A preset that is being loaded, or a listener who takes nothing, is not waited for.
        runtime.shutdown_background();
        outcome
    }
}

/// The stations that settings and the command line ask for.
fn planned(settings: &Settings, preset: Option<&str>) -> Result<Vec<Planned>, String> {
    if let (Some(preset), false) = (preset, settings.stations.is_empty()) {
        return Err(format!("the configuration file names the stations: `{preset}` cannot be another"));
    }
    stations::plan(settings, preset.unwrap_or(library::DEFAULT)).map_err(|error| error.to_string())
}

/// Says what is wrong, or how many stations there would be.
fn check(settings: &Settings, planned: &[Planned]) -> Outcome {
    Doors::check(settings).map_err(|error| Failure::Message(error.to_string()))?;
    stations::check(settings, planned).map_err(failure)?;
    println!(
        "all is right: {} to play",
        if planned.len() == 1 { "one station".into() } else { format!("{} stations", planned.len()) }
    );
    Ok(())
}

fn failure(error: OpenError) -> Failure {
    match error {
        OpenError::Station { error: StationError::Preset(mistakes), .. } => Failure::Mistakes(mistakes),
        error => Failure::Message(error.to_string()),
    }
}

/// Time between two looks at private stations.
const LOOK: std::time::Duration = std::time::Duration::from_secs(5);

/// Time between two looks at who has not left yet.
const LEAVING: std::time::Duration = std::time::Duration::from_millis(20);

/// Reads the settings, and what they say of stations, again.
type Again = Box<dyn Fn() -> Result<(Settings, Vec<Planned>), String> + Send + Sync>;

async fn serve(settings: Settings, planned: Vec<Planned>, again: Again) -> Outcome {
    // Before anything that takes its time: who is told to read again while it starts must not end by it.
    let hangups = Hangups::new();
    // The port first: to be told that it is taken should not take a second.
    let doors = Doors::open(&settings).await.map_err(|error| Failure::Message(error.to_string()))?;
    let stations = Stations::open(settings, planned).map_err(failure)?;
    // From here on there is something to save.
    let interrupted = super::signals::interrupted();
    if let Some(redirect) = doors.redirect()? {
        tracing::info!("who comes to {redirect} is sent to HTTPS");
    }
    let place = doors.url()?;
    let others = stations.public().into_iter().filter(|(name, _)| name != stations.default_name());
    let others = others.map(|(name, station)| (format!("/s/{name}/"), station));
    for (path, station) in others.chain([(String::new(), Arc::clone(stations.default()))]) {
        let current = station.current();
        super::show_warnings(&current.preset.warnings);
        tracing::info!("{} plays on {place}{path}", current.preset.title());
    }
    let (stop, stopping) = watch::channel(false);
    let server = tokio::spawn(doors.serve(Arc::clone(&stations), stopping));
    let keeping = tokio::spawn(end_deserted(Arc::clone(&stations)));
    let watching = tokio::spawn(watch_memory(Arc::clone(&stations)));
    let reloading = tokio::spawn(reload(Arc::clone(&stations), hangups, again));
    interrupted.await;
    tracing::info!("the station ends");
    reloading.abort();
    // Listeners are told, requests answered; whoever does not let go is left.
    let _ = stop.send(true);
    stations.say_farewell();
    let drain = std::time::Duration::from_secs_f64(stations.settings.drain_seconds);
    let gone = async {
        // A panic has been reported by itself.
        let _ = server.await;
        // Those who listen by a WebSocket are no part of it.
        while stations.every().iter().any(|station| station.listeners.count() > 0) {
            tokio::time::sleep(LEAVING).await;
        }
    };
    let _ = tokio::time::timeout(drain, gone).await;
    keeping.abort();
    watching.abort();
    tokio::task::spawn_blocking(move || stations.close()).await.ok();
    Ok(())
}

/// Looks at the memory, and says what is wrong with it.
async fn watch_memory(stations: Arc<Stations>) {
    let mut look = tokio::time::interval(memory::EVERY);
    loop {
        look.tick().await;
        let stations = Arc::clone(&stations);
        // As above.
        let alarms = tokio::task::spawn_blocking(move || stations.memory().tend()).await.unwrap_or_default();
        for alarm in alarms {
            match alarm {
                Alarm::Warning { .. } | Alarm::Leak { .. } => tracing::warn!("{alarm}"),
                Alarm::Error { .. } => tracing::error!("{alarm}"),
                Alarm::Jump { .. } => tracing::info!("{alarm}"),
            }
        }
    }
}

/// Takes over what the configuration says of stations, each time that the program is told to (SIGHUP).
async fn reload(stations: Arc<Stations>, mut hangups: Hangups, again: Again) {
    let again = Arc::new(again);
    loop {
        hangups.next().await;
        let (stations, again) = (Arc::clone(&stations), Arc::clone(&again));
        let reload = move || {
            let (settings, planned) = again()?;
            let later = stations.settings.differences(&settings).into_iter().map(str::to_string);
            let mut reloaded = stations.reload(planned).map_err(|error| error.to_string())?;
            reloaded.later.splice(..0, later);
            Ok::<_, String>(reloaded)
        };
        // A panic has been reported by itself.
        let Ok(outcome) = tokio::task::spawn_blocking(reload).await else { continue };
        match outcome {
            Err(error) => tracing::error!("the configuration is not taken over: {error}"),
            Ok(Reloaded { started, changed, ended, later }) => {
                let list = |names: &[String]| if names.is_empty() { "none".into() } else { names.join(", ") };
                let (started, changed, ended) = (list(&started), list(&changed), list(&ended));
                tracing::info!("read again: started {started}; another preset {changed}; ended {ended}");
                if !later.is_empty() {
                    tracing::warn!("these settings take hold at the next start: {}", later.join(", "));
                }
            }
        }
    }
}

/// Ends private stations whose listeners are gone.
async fn end_deserted(stations: Arc<Stations>) {
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let stations = Arc::clone(&stations);
        // A panic has been reported by itself, and the next look finds what this one left.
        let _ = tokio::task::spawn_blocking(move || stations.end_deserted()).await;
    }
}
