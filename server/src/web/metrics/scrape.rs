//! All figures as text for Prometheus: those that stations count up, and those of the moment.

use super::seen::Seen;
use crate::delivery::Sound;
use crate::memory::MB;
use crate::metrics::Moment;
use crate::stations::{Sight, Spread, Stations};

/// The text.
pub fn text(stations: &Stations, seen: &Seen) -> prometheus::Result<String> {
    let moment = Moment::default();
    program(&moment, seen)?;
    memory(&moment, seen)?;
    sights(&moment, seen)?;
    let kinds = [(vec!["public"], stations.public().len() as f64), (vec!["private"], seen.private as f64)];
    moment.gauges("auralis_stations", "Stations that there are.", &["kind"], kinds)?;
    stations.metrics().text(&moment)
}

/// The program, by the names that all programs use.
fn program(to: &Moment, seen: &Seen) -> prometheus::Result<()> {
    let usage = &seen.memory.usage;
    to.gauges(
        "auralis_build_info",
        "The version of the program; always 1.",
        &["version"],
        [(vec![env!("CARGO_PKG_VERSION")], 1.0)],
    )?;
    to.counter("process_cpu_seconds_total", "Processor time that the program used.", usage.cpu)?;
    to.gauge("process_resident_memory_bytes", "Bytes in memory.", usage.resident as f64)?;
    to.gauge("process_virtual_memory_bytes", "Bytes of addresses.", usage.mapped as f64)?;
    to.gauge(
        "process_start_time_seconds",
        "When the program began, since the Unix epoch.",
        usage.started as f64,
    )?;
    if let Some((open, most)) = usage.files {
        to.gauge("process_open_fds", "Files and connections that are open.", open as f64)?;
        to.gauge("process_max_fds", "Files and connections that may be open.", most as f64)?;
    }
    if let Some(threads) = usage.threads {
        to.gauge("process_threads", "Threads of the program.", threads as f64)?;
    }
    to.gauge("auralis_render_threads", "Threads that render.", seen.threads as f64)?;
    to.gauge(
        "auralis_render_load_ratio",
        "Part of the time of the threads that render which is needed, 0 to about 1.",
        seen.load,
    )?;
    to.counter(
        "auralis_render_busy_seconds_total",
        "Time that the threads which render worked, together.",
        seen.busy.as_secs_f64(),
    )
}

fn memory(to: &Moment, seen: &Seen) -> prometheus::Result<()> {
    let memory = &seen.memory;
    to.gauge("auralis_memory_usage_mb", "MB in memory.", memory.now.resident as f64 / MB)?;
    to.gauge("auralis_memory_peak_bytes", "Most bytes in memory that were seen.", memory.peak as f64)?;
    to.gauge(
        "auralis_memory_average_bytes",
        "Mean of the bytes in memory in the last hour.",
        memory.average as f64,
    )?;
    if let Some(growth) = memory.growth {
        to.gauge("auralis_memory_growth_bytes", "Bytes by which memory grows in an hour.", growth)?;
    }
    to.gauge(
        "auralis_memory_leak",
        "1 while memory grows as if something leaked.",
        f64::from(u8::from(memory.leaks)),
    )?;
    if let Some(heap) = memory.now.heap {
        to.gauge("auralis_allocated_bytes", "Bytes that are allocated.", heap.used as f64)?;
        to.gauge("auralis_allocator_free_bytes", "Bytes that the allocator keeps free.", heap.free as f64)?;
    }
    let owners = seen.owners.iter().map(|owner| (vec![owner.name], owner.bytes as f64));
    to.gauges("auralis_memory_owner_bytes", "Bytes that are held, by whom.", &["owner"], owners)?;
    let tracked = memory.tracked.iter().map(|(label, tracked)| (vec![*label], tracked.total as f64));
    to.gauges(
        "auralis_memory_tracked_bytes",
        "Bytes that work of a kind took in all and left allocated.",
        &["work"],
        tracked,
    )
}

fn sights(to: &Moment, seen: &Seen) -> prometheus::Result<()> {
    let each = |name: &str, help: &str, value: fn(&Sight) -> f64| {
        let rows = seen.sights.iter().map(|(station, sight)| (vec![station.as_str()], value(sight)));
        to.gauges(name, help, &["station"], rows)
    };
    each("auralis_asleep_stations", "Stations that nobody hears and that are not rendered.", |sight| {
        sight.asleep as f64
    })?;
    each(
        "auralis_buffer_depth_chunks",
        "Chunks that lie ahead of the clock; of private stations the least.",
        |sight| sight.depth as f64,
    )?;
    each("auralis_muted_nodes", "Nodes that are silent because they failed.", |sight| sight.muted as f64)?;
    each(
        "auralis_relief_steps",
        "Steps by which the sound is thinned while the machine does not keep up.",
        |sight| f64::from(sight.relief),
    )?;
    each(
        "auralis_unencoded_chunks",
        "Chunks that could not be encoded, of the stations that there are.",
        |sight| sight.failed as f64,
    )?;
    let listeners = seen.sights.iter().flat_map(|(station, sight)| {
        let count =
            |sound: Sound| (vec![station.as_str(), sound.name()], sight.listeners[sound as usize] as f64);
        Sound::ALL.map(count)
    });
    to.gauges("auralis_listeners", "Who listens.", &["station", "format"], listeners)?;
    let spread = |name: &str, help: &str, of: fn(&Sight) -> Spread, scale: f64| {
        let rows = seen.sights.iter().flat_map(|(station, sight)| {
            let of = of(sight);
            let stats = [("min", of.min), ("mean", of.mean()), ("max", of.max)];
            stats.map(|(stat, value)| (vec![station.as_str(), stat], value * scale))
        });
        to.gauges(name, help, &["station", "stat"], rows)
    };
    spread(
        "auralis_listener_buffer_seconds",
        "What lies in the buffers of listeners, as they reported.",
        |sight| sight.buffers,
        1e-3,
    )?;
    spread(
        "auralis_listener_lag_chunks",
        "Chunks by which listeners play behind the clock, as they reported.",
        |sight| sight.lags,
        1.0,
    )
}
