//! All stations of a program: those that the operator runs, by name, and those that single listeners have for
//! themselves. Any thread that may block.
#![allow(clippy::disallowed_types, reason = "control threads lock")]

mod load;
mod overview;
mod private;

pub use overview::{Owner, Sight, Spread};
pub use private::{PrivateError, Wish};

use crate::delivery::Senders;
use crate::memory::{self, Memory};
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::recording::{Progress, RecordError, Recorder};
use crate::settings::{OWN, Settings, SettingsError, StationLines};
use crate::station::{Change, House, Kit, Shared, Station, StationError, Tenure};
use auralis_graph::Catalogue;
use load::Load;
use private::Privates;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Why the stations cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// One of them cannot.
    #[error("the station `{name}`: {error}")]
    Station {
        /// Its name.
        name: String,
        /// Why.
        error: StationError,
    },
    /// One of them cannot be recorded.
    #[error("the station `{name}` {error}")]
    Record {
        /// Its name.
        name: String,
        /// Why.
        error: RecordError,
    },
    /// Nobody says where to record to.
    #[error("the station `{0}` is to be recorded, but nothing says where: give a folder with --record")]
    NoFolder(String),
    /// A name that no address can have.
    #[error("a station is called by 1 to 64 letters, digits, _ and -, not `{0}`")]
    Name(String),
    /// A folder that cannot be read.
    #[error("{}: {error}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Nothing to play.
    #[error("{} has no presets: files that end in .yaml", .0.display())]
    Empty(PathBuf),
    /// The default station is none of them.
    #[error("there is no station `{name}` to be the default: there are {}", names.join(", "))]
    Default {
        /// What was asked for.
        name: String,
        /// What there is.
        names: Vec<String>,
    },
    /// A setting of a station that is not legal.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The system refused a thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// What is measured cannot be told apart.
    #[error("cannot measure: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// What became of the stations when the configuration was read again, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Those that are new.
    pub started: Vec<String>,
    /// Those that have another preset.
    pub changed: Vec<String>,
    /// Those that have gone.
    pub ended: Vec<String>,
    /// Settings of single stations that take hold only when the program starts, as `STATION: SETTING`.
    pub later: Vec<String>,
}

/// A station that the operator wants: its name, what it plays, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The name in its address, `/s/{name}`.
    pub name: String,
    /// The preset's file, or its name in the library.
    pub preset: String,
    /// What it runs by.
    pub settings: Settings,
    /// Whether it is recorded; the default station is where this says nothing.
    pub record: Option<bool>,
}

impl Planned {
    /// Where it is to be recorded, there has to be a place for that.
    fn has_place(&self) -> Result<(), OpenError> {
        let lost = self.record == Some(true) && self.settings.record.is_none();
        if lost { Err(OpenError::NoFolder(self.name.clone())) } else { Ok(()) }
    }

    /// Reads its preset, and plays nothing.
    fn check(&self, catalogue: &Catalogue) -> Result<(), OpenError> {
        let read = Station::check(&self.settings, catalogue, &self.preset);
        read.map_err(|error| OpenError::Station { name: self.name.clone(), error })
    }

    /// What of it another plan says otherwise that only a start can take.
    fn later(&self, other: &Self) -> Vec<String> {
        let (ours, theirs) = (&self.settings.given, &other.settings.given);
        let own = OWN.into_iter().filter(|name| ours.get(name) != theirs.get(name));
        let record = (self.record != other.record).then_some("record");
        own.chain(record).map(|setting| format!("{}: {setting}", self.name)).collect()
    }
}

/// All stations.
pub struct Stations {
    /// What all of them run by.
    pub settings: Settings,
    kit: Arc<Kit>,
    default: Arc<Shared>,
    default_name: String,
    public: Mutex<BTreeMap<String, Public>>,
    privates: Privates,
    load: Load,
}

/// A station that is there for everybody.
struct Public {
    // In this order they end: what was rendered last is recorded, too.
    station: Station,
    recorder: Option<Recorder>,
    planned: Planned,
}

impl Stations {
    /// Starts those that are planned. The default station and those that are recorded are always rendered, the others
    /// while somebody hears them.
    ///
    /// # Errors
    /// The first that cannot start: none does then.
    pub fn open(settings: Settings, planned: Vec<Planned>) -> Result<Arc<Self>, OpenError> {
        let kit = Arc::new(Kit {
            catalogue: auralis_nodes::catalogue(),
            pool: Pool::start(settings.threads)?,
            senders: Senders::start(settings.threads.div_ceil(2))?,
            metrics: Metrics::new()?,
            memory: Memory::new(settings.memory),
            house: House::new(settings.max_clients),
        });
        let default_name = default_of(&settings, &planned)?;
        let mut public = BTreeMap::new();
        for planned in planned {
            let is_default = planned.name == default_name;
            public.insert(planned.name.clone(), Public::start(&kit, planned, is_default)?);
        }
        let default = Arc::clone(public[&default_name].station.shared());
        Ok(Arc::new(Self {
            privates: Privates::default(),
            load: Load::default(),
            settings,
            kit,
            default,
            default_name,
            public: Mutex::new(public),
        }))
    }

    /// Makes the stations those that are planned now: what is new starts, what has another preset changes over to it,
    /// what has gone ends, the texts of the rest are read again. Who listens to what stays is not disturbed. All that is
    /// new is built before any of it plays. Blocks.
    ///
    /// # Errors
    /// The first preset that has mistakes, or the first station that cannot start: all goes on as it was.
    pub fn reload(&self, planned: Vec<Planned>) -> Result<Reloaded, OpenError> {
        if !planned.iter().any(|station| station.name == self.default_name) {
            let names = planned.into_iter().map(|station| station.name).collect();
            return Err(OpenError::Default { name: self.default_name.clone(), names });
        }
        let known: Vec<String> = lock(&self.public).keys().cloned().collect();
        let (stay, new): (Vec<_>, Vec<_>) = planned.into_iter().partition(|one| known.contains(&one.name));
        let changes = |one: &Planned| {
            lock(&self.public).get(&one.name).is_some_and(|public| public.planned.preset != one.preset)
        };
        let (change, same): (Vec<_>, Vec<_>) = stay.iter().partition(|one| changes(one));
        new.iter().chain(&stay).try_for_each(Planned::has_place)?;
        let failed = |name: &String, error| OpenError::Station { name: name.clone(), error };
        let prepare = |one: &&Planned| {
            let station = self.get(&one.name)?;
            let prepared = station.prepare(&one.preset).map_err(|error| failed(&one.name, error));
            Some(prepared.map(|prepared| ((*one).clone(), station, prepared)))
        };
        let prepared = change.iter().filter_map(prepare).collect::<Result<Vec<_>, _>>()?;
        let mut reloaded = Reloaded::default();
        let mut started = Vec::new();
        for planned in new {
            reloaded.started.push(planned.name.clone());
            started.push((planned.name.clone(), Public::start(&self.kit, planned, false)?));
        }
        for (Planned { name, preset, .. }, station, prepared) in prepared {
            station.play_next(prepared, &Change::default()).map_err(|error| failed(&name, error))?;
            if let Some(public) = lock(&self.public).get_mut(&name) {
                public.planned.preset = preset;
            }
            reloaded.changed.push(name);
        }
        for Planned { name, .. } in same {
            self.get(name).into_iter().for_each(|station| station.reload());
        }
        let mut public = lock(&self.public);
        let before =
            |one: &Planned| public.get(&one.name).map_or_else(Vec::new, |public| public.planned.later(one));
        reloaded.later = stay.iter().flat_map(before).collect();
        let goes = |name: &String| !stay.iter().any(|station| station.name == *name);
        reloaded.ended = public.keys().filter(|name| goes(name)).cloned().collect();
        let ended: Vec<Public> = reloaded.ended.iter().filter_map(|name| public.remove(name)).collect();
        public.extend(started);
        // Others need not wait until the last of them is written.
        drop(public);
        drop(ended);
        Ok(reloaded)
    }

    /// The station of the routes that name none.
    pub fn default(&self) -> &Arc<Shared> {
        &self.default
    }

    /// Its name.
    pub fn default_name(&self) -> &str {
        &self.default_name
    }

    /// The station of a name, public or private.
    pub fn get(&self, name: &str) -> Option<Arc<Shared>> {
        let public = lock(&self.public).get(name).map(|public| Arc::clone(public.station.shared()));
        public.or_else(|| self.privates.get(name))
    }

    /// Those that are there for everybody, by name.
    pub fn public(&self) -> Vec<(String, Arc<Shared>)> {
        let public = lock(&self.public);
        public.iter().map(|(name, public)| (name.clone(), Arc::clone(public.station.shared()))).collect()
    }

    /// Tells all listeners that it is over.
    pub fn say_farewell(&self) {
        self.every().iter().for_each(|station| station.end());
    }

    /// Stations that listeners have for themselves.
    pub fn private_count(&self) -> usize {
        self.privates.count()
    }

    /// How the recording of a station goes, if it is recorded.
    pub fn recording(&self, station: &Shared) -> Option<Progress> {
        Some(lock(&self.public).get(station.name()?)?.recorder.as_ref()?.progress())
    }

    /// Ends all of them, and waits until what is kept of them is written. Blocks for a moment.
    pub fn close(&self) {
        let public = std::mem::take(&mut *lock(&self.public));
        drop(public);
        self.privates.close();
    }

    /// What is measured.
    pub fn metrics(&self) -> &Metrics {
        &self.kit.metrics
    }

    /// What is known of the memory.
    pub fn memory(&self) -> &Memory {
        &self.kit.memory
    }

    /// The threads that render.
    pub fn pool(&self) -> &Pool {
        &self.kit.pool
    }

    /// Gives back what can be: what edits of any station left, and free memory of the allocator. Returns how many
    /// messages, nodes and graphs those were. Blocks for a moment.
    pub fn reclaim(&self) -> u64 {
        let _tracking = self.kit.memory.track("reclaims");
        let reclaimed = self.every().iter().map(|station| station.reclaim()).sum();
        memory::trim();
        reclaimed
    }

    /// Every station that there is.
    pub fn every(&self) -> Vec<Arc<Shared>> {
        let public = self.public().into_iter().map(|(_, station)| station);
        public.chain(self.privates.every()).collect()
    }
}

impl Public {
    fn start(kit: &Arc<Kit>, planned: Planned, is_default: bool) -> Result<Self, OpenError> {
        let Planned { name, preset, settings, record } = planned.clone();
        planned.has_place()?;
        // Beside the default station each has one thread for its graph.
        let threads = if is_default { settings.threads } else { 1 };
        let mut settings = Settings { threads, ..settings };
        let folder = settings.record.take().filter(|_| record.unwrap_or(is_default));
        settings.record.clone_from(&folder);
        let minutes = settings.record_minutes;
        let tenure = if is_default || folder.is_some() { Tenure::Always } else { Tenure::Heard };
        let tracking = kit.memory.track("stations");
        let station = Station::start(kit, Some(&name), settings, &preset, tenure);
        drop(tracking);
        let station = station.map_err(|error| OpenError::Station { name: name.clone(), error })?;
        let record = |folder: PathBuf| Recorder::start(station.shared(), &name, &folder, minutes);
        let recorder = folder.map(record).transpose();
        let recorder = recorder.map_err(|error| OpenError::Record { name: name.clone(), error })?;
        Ok(Self { station, recorder, planned })
    }
}

/// The name of the default station among those that are planned.
fn default_of(settings: &Settings, planned: &[Planned]) -> Result<String, OpenError> {
    let names: Vec<String> = planned.iter().map(|station| station.name.clone()).collect();
    let default = match &settings.default_station {
        Some(name) => names.iter().find(|known| *known == name).cloned(),
        None => names.first().cloned(),
    };
    let wanted = settings.default_station.clone().unwrap_or_default();
    default.ok_or(OpenError::Default { name: wanted, names })
}

/// Reads the presets of stations that are planned, and starts none.
///
/// # Errors
/// The first that has mistakes, or a default station that is none of them.
pub fn check(settings: &Settings, planned: &[Planned]) -> Result<(), OpenError> {
    default_of(settings, planned)?;
    let catalogue = auralis_nodes::catalogue();
    planned.iter().try_for_each(|one| one.has_place().and_then(|()| one.check(&catalogue)))
}

fn one_of_many(name: String, preset: String, settings: Settings, record: Option<bool>) -> Planned {
    let state = settings.state.as_ref().map(|root| root.join("stations").join(&name));
    Planned { settings: Settings { state, ..settings }, name, preset, record }
}

/// Whether a station can be called so.
pub fn is_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(legal) && !is_private(name)
}

/// Whether a name is the id of a private station: no public one is called like that.
pub fn is_private(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The stations that are asked for: those of the configuration file; else one of a preset, or one for each preset of a
/// folder. A folder that happens to have the name of a preset in the library is none, as for [`auralis_library::find`]:
/// `./NAME` is. Each of several keeps its state in a folder of its name, whichever is the default one.
///
/// # Errors
/// A folder that cannot be read or has no presets, or a file whose name no address can have.
pub fn plan(settings: &Settings, argument: &str) -> Result<Vec<Planned>, OpenError> {
    if !settings.stations.is_empty() {
        let planned = |station: &StationLines| {
            let settings = station.over(settings)?;
            Ok(one_of_many(station.name.clone(), station.preset.clone(), settings, station.record))
        };
        return settings.stations.iter().map(planned).collect();
    }
    let folder = Path::new(argument);
    if !folder.is_dir() || auralis_library::ids().iter().any(|id| id == argument) {
        let name = Path::new(argument).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        // One station alone is seldom called by its name, and a file may be called anything.
        let name = name.filter(|name| is_name(name)).unwrap_or_else(|| "station".into());
        let settings = settings.clone();
        return Ok(vec![Planned { name, preset: argument.into(), settings, record: None }]);
    }
    let failed = |error| OpenError::Folder { folder: folder.into(), error };
    let mut stations = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") && path.is_file() {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if !is_name(&name) {
                return Err(OpenError::Name(name));
            }
            stations.push(one_of_many(name, path.to_string_lossy().into_owned(), settings.clone(), None));
        }
    }
    stations.sort_by(|a, b| a.name.cmp(&b.name));
    if stations.is_empty() { Err(OpenError::Empty(folder.into())) } else { Ok(stations) }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
