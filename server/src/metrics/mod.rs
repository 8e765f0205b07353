//! What is measured: distributions and counters of stations, which the rendering path writes without a lock, and what is
//! read of the program when somebody asks. `prometheus` keeps and prints them.

mod exposition;
mod families;
mod figures;
mod process;
mod window;

pub use exposition::Moment;
pub use figures::{Figures, Timing};
pub use process::{Process, Usage};
pub use window::Summary;

use families::Families;
use prometheus::Registry;
use std::sync::{Arc, OnceLock};

/// What stations that listeners have for themselves are called in figures.
pub const PRIVATE: &str = "private";

/// The figures of all stations.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    families: Families,
    private: OnceLock<Arc<Figures>>,
}

impl Metrics {
    /// Nothing measured yet.
    ///
    /// # Errors
    /// Two figures have the same name, or an illegal one.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let families = Families::new(&registry)?;
        Ok(Self { registry, families, private: OnceLock::new() })
    }

    /// The figures of a public station, or those of all private ones.
    pub fn of(&self, station: Option<&str>) -> Arc<Figures> {
        match station.filter(|name| *name != PRIVATE) {
            Some(name) => Arc::new(Figures::new(&self.families, name)),
            None => Arc::clone(self.private.get_or_init(|| Arc::new(Figures::new(&self.families, PRIVATE)))),
        }
    }
}
