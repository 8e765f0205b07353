//! The families of figures that stations count up: names, help, units and labels, in one place. A label `station` is the
//! name of a public station or `private`, for all others together, so that nobody can make labels.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

/// Bounds of latencies, in ms; the contract names 50 and 100, its budgets are 100 and 800.
const MS: [f64; 14] =
    [1.0, 2.5, 5.0, 10.0, 20.0, 35.0, 50.0, 75.0, 100.0, 200.0, 400.0, 800.0, 1_600.0, 5_000.0];
/// The same of durations in seconds; the first counts what takes no time.
const SECONDS: [f64; 11] = [0.0, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// What stations count up.
#[derive(Debug)]
pub struct Families {
    pub synthesis: HistogramVec,
    pub network: HistogramVec,
    pub end_to_end: HistogramVec,
    pub lateness: HistogramVec,
    pub control: HistogramVec,
    pub counters: Counters,
    pub reclaimed: IntCounterVec,
    pub sent_chunks: IntCounterVec,
    pub sent_bytes: IntCounterVec,
}

/// Counters that have no label but the station.
#[derive(Debug)]
pub struct Counters {
    pub underruns: IntCounterVec,
    pub overflows: IntCounterVec,
    pub dropped: IntCounterVec,
    pub heard_underruns: IntCounterVec,
    pub connects: IntCounterVec,
    pub disconnects: IntCounterVec,
    pub faults: IntCounterVec,
}

impl Families {
    /// All of them, registered.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let histogram = |name: &str, help: &str, bounds: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
            let family = HistogramVec::new(options, &["station"])?;
            registry.register(Box::new(family.clone()))?;
            prometheus::Result::Ok(family)
        };
        let labelled = |name: &str, help: &str, labels: &[&str]| {
            let family = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(family.clone()))?;
            prometheus::Result::Ok(family)
        };
        let counter = |name: &str, help: &str| labelled(name, help, &["station"]);
        Ok(Self {
            synthesis: histogram("auralis_synthesis_latency_ms", "Time to render one chunk, in ms.", &MS)?,
            network: histogram(
                "auralis_network_latency_ms",
                "Half of the time to the station and back that listeners measured, in ms.",
                &MS,
            )?,
            end_to_end: histogram(
                "auralis_end_to_end_latency_ms",
                "Time by which listeners' ears are behind the station's clock, in ms, as they measured it.",
                &MS,
            )?,
            lateness: histogram(
                "auralis_delivery_lateness_seconds",
                "Time by which a chunk was handed to a WebSocket after it was due; 0 where it was in time.",
                &SECONDS,
            )?,
            control: histogram(
                "auralis_control_seconds",
                "Time from a control that was heard to the generation_update for all.",
                &SECONDS,
            )?,
            counters: Counters {
                underruns: counter(
                    "auralis_buffer_underruns_total",
                    "Chunks that were due before they were rendered.",
                )?,
                overflows: counter(
                    "auralis_buffer_overflows_total",
                    "Times that a listener was too slow and was moved to the live edge.",
                )?,
                dropped: counter("auralis_dropped_chunks_total", "Chunks that slow listeners missed.")?,
                heard_underruns: counter(
                    "auralis_listener_underruns_total",
                    "Times that a listener's buffer ran empty, as listeners reported.",
                )?,
                connects: counter("auralis_connects_total", "Listeners who came.")?,
                disconnects: counter("auralis_disconnects_total", "Listeners who went.")?,
                faults: counter("auralis_faults_total", "Nodes that were silenced because they failed.")?,
            },
            reclaimed: labelled(
                "auralis_reclaimed_total",
                "What edits gave back: gen0 messages and buffers, gen1 nodes, gen2 graphs.",
                &["station", "generation"],
            )?,
            sent_chunks: labelled(
                "auralis_sent_chunks_total",
                "Chunks that were sent to listeners.",
                &["station", "format"],
            )?,
            sent_bytes: labelled(
                "auralis_sent_bytes_total",
                "Bytes that were sent to listeners.",
                &["station", "format"],
            )?,
        })
    }
}
