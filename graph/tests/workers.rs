//! What happens when a thread that helps is held up: the audio thread goes on, and the graph loses nothing.

mod plain;

use auralis_graph::command::Report;
use auralis_graph::engine::{Context, Io, Start};
use auralis_graph::node::{NoConfig, Pace};
use auralis_graph::param::ParamSpec;
use auralis_graph::places::Places;
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::testing::realtime::{self, CheckedAllocator};
use auralis_graph::testing::{RATE, read};
use auralis_graph::{
    Built, Catalogue, Engine, Kind, Node, NodeError, Options, Prepare, Prepared, Processor, Status, build,
};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;

/// A slow sine that takes 40 us, and longer on a worker if a test wants it so.
struct Load {
    phase: f32,
}

/// Whether workers do not come back.
static HELD: AtomicBool = AtomicBool::new(false);
/// Microseconds that they take longer.
static DELAY: AtomicU32 = AtomicU32::new(0);
/// Turns that workers had, those that are held now, and nodes that are dropped.
static TURNS: AtomicUsize = AtomicUsize::new(0);
static HANGING: AtomicUsize = AtomicUsize::new(0);
static DROPPED: AtomicUsize = AtomicUsize::new(0);

fn spin(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}

impl Node for Load {
    const KIND: &'static str = "load";
    const ABOUT: &'static str = "Takes its time.";
    const EXAMPLE: &'static str = "";
    const PARAMS: &'static [ParamSpec] = &[ParamSpec::hertz("freq", 20.0, 20_000.0, 440.0)];
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new([], [PortSpec::audio("out", 1)])
    }

    fn prepare(_: &NoConfig, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Self { phase: 0.0 }))
    }
}

impl Processor for Load {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        spin(Duration::from_micros(40));
        if std::thread::current().name().is_some_and(|name| name.starts_with("auralis-worker")) {
            TURNS.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_micros(DELAY.load(Ordering::Relaxed).into()));
            let dropped = DROPPED.load(Ordering::Acquire);
            while HELD.load(Ordering::Acquire) {
                HANGING.store(1, Ordering::Release);
                std::thread::sleep(Duration::from_millis(1));
                assert_eq!(DROPPED.load(Ordering::Acquire), dropped, "a node was dropped while it ran");
            }
            HANGING.store(0, Ordering::Release);
        }
        let step = io.param(0).first() / cx.sample_rate;
        for x in io.output(0).channel(0).iter_mut() {
            *x = (self.phase * std::f32::consts::TAU).sin() * 0.1;
            self.phase = (self.phase + step).fract();
        }
        Status::Active
    }

    fn reset(&mut self) {
        self.phase = 0.0;
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Release);
    }
}

/// Eight loads, spread over two threads, and what they give with nobody held up: so many quanta of it.
struct Stage {
    built: Built,
    expected: Vec<[f32; 64]>,
    /// Of these, the one that comes next.
    next: usize,
    _alone: Alone,
}

/// Quanta that a test runs at most.
const QUANTA: usize = if cfg!(miri) { 12 } else { 1_000 };

/// How long a quantum may take here, where all wait for at most 20 ms, and the machine is busy.
const IN_TIME: Duration = Duration::from_millis(if cfg!(miri) { 60_000 } else { 2_000 });

/// All tests share the workers.
struct Alone;

static TAKEN: AtomicBool = AtomicBool::new(false);

impl Alone {
    fn wait() -> Self {
        while TAKEN.swap(true, Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        HELD.store(false, Ordering::Release);
        DELAY.store(0, Ordering::Relaxed);
        TAKEN.store(false, Ordering::Release);
    }
}

fn built(threads: usize, pace: Pace) -> Built {
    let mut text = String::from("auralis: 1\nnodes:\n");
    let names: Vec<String> = (0..8).map(|index| format!("n{index}")).collect();
    for (index, name) in names.iter().enumerate() {
        let _ = writeln!(text, "  {name}: {{ type: load, freq: {} Hz }}", 60 + 11 * index);
    }
    let _ = writeln!(text, "  out: {{ type: output, in: [{}] }}", names.join(", "));
    let catalogue = Catalogue::new(plain::catalogue().iter().copied().chain([Kind::of::<Load>()]));
    let preset = read(&text, &catalogue);
    let options = Options { pace, threads, ..Options::render(RATE, preset.settings(), Places::anywhere()) };
    build(&preset, &catalogue, &options).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn quantum(engine: &mut Engine) -> [f32; 64] {
    engine.quantum();
    let [left, right] = engine.output();
    assert_eq!(left, right);
    left.0
}

impl Stage {
    fn new(pace: Pace) -> Self {
        let alone = Alone::wait();
        let mut single = built(1, Pace::Offline);
        let expected = (0..QUANTA).map(|_| quantum(&mut single.engine)).collect();
        let mut built = built(2, pace);
        (0..QUANTA.div_ceil(10)).for_each(|_| built.engine.quantum());
        built.editor.balance();
        built.engine.quantum();
        assert_eq!(built.editor.balance(), 2, "it was not spread");
        // A busy machine may have held somebody up already; then nothing is shared for a while.
        built.engine.reset(&Start::beginning(built.engine.initial_settings()));
        while built.controller.report().is_some() {}
        TURNS.store(0, Ordering::Relaxed);
        Self { built, expected, next: 0, _alone: alone }
    }

    /// Runs a quantum that must be given in time. Returns its samples, and whether it is what should be heard.
    fn quantum(&mut self) -> ([f32; 64], bool) {
        let began = Instant::now();
        let samples = quantum(&mut self.built.engine);
        assert!(began.elapsed() < IN_TIME, "it waited for {:?}", began.elapsed());
        let right = samples == self.expected[self.next];
        if !self.built.engine.is_stalled() {
            self.next += 1;
        }
        (samples, right)
    }

    /// Runs until a worker is held. Returns the last sample that was heard before.
    fn hang(&mut self) -> f32 {
        HELD.store(true, Ordering::Release);
        let mut last = self.built.engine.output()[0][63];
        for _ in 0..QUANTA * 9 / 10 {
            let (samples, right) = self.quantum();
            if self.built.engine.is_stalled() {
                assert!((samples[0] - last).abs() < 0.01 && samples[63] == 0.0, "from {last}: {samples:?}");
                let steps = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs());
                assert!(steps.fold(0.0, f32::max) < 0.03, "it clicks: {samples:?}");
                return last;
            }
            assert!(right, "it is not what should be heard");
            last = samples[63];
        }
        panic!("no worker came");
    }

    fn reports(&self) -> Vec<&'static str> {
        let name = |report| match report {
            Report::Stalled { .. } => "stalled",
            Report::Waited { .. } => "waited",
            Report::Resumed { .. } => "resumed",
            _ => "another",
        };
        std::iter::from_fn(|| self.built.controller.report()).map(name).collect()
    }
}

#[test]
fn a_worker_that_does_not_come_back_makes_a_pause_and_nothing_is_lost() {
    let mut stage = Stage::new(Pace::RealTime);
    realtime::take_violations();
    stage.hang();
    let (frame, tick) = (stage.built.engine.frame(), stage.built.engine.tick());
    // Wherever the engine goes, what the worker reads stays where it is.
    let Stage { built, expected, next, _alone } = stage;
    let mut stage = std::thread::spawn(move || Stage { built, expected, next, _alone }).join().unwrap();
    for _ in 0..50 {
        let (samples, _) = stage.quantum();
        assert_eq!(samples, [0.0; 64]);
    }
    assert_eq!((stage.built.engine.frame(), stage.built.engine.tick()), (frame, tick), "time stands still");
    HELD.store(false, Ordering::Release);
    let mut resumed = stage.quantum().0;
    while stage.built.engine.is_stalled() {
        assert_eq!(resumed, [0.0; 64]);
        resumed = stage.quantum().0;
    }
    let expected = stage.expected[stage.next - 1];
    let louder = resumed.iter().zip(&expected).position(|(x, whole)| x.abs() > whole.abs());
    assert!(louder.is_none() && resumed[0].abs() < 0.001 && resumed[63] == expected[63], "it fades in");
    for _ in 0..100 {
        assert!(stage.quantum().1, "something was lost");
    }
    assert_eq!(realtime::take_violations(), 0);
    assert_eq!(stage.reports(), ["stalled", "waited", "resumed"]);
}

#[test]
fn who_has_waited_too_long_for_a_worker_does_all_by_itself_for_some_seconds() {
    let mut stage = Stage::new(Pace::RealTime);
    DELAY.store(4_000, Ordering::Relaxed);
    for _ in 0..QUANTA * 9 / 10 {
        assert!(stage.quantum().1, "it is not what should be heard");
    }
    // On a busy machine it may find by itself, too, that one thread is not enough.
    let (turns, reports) = (TURNS.load(Ordering::Relaxed), stage.reports());
    assert!((1..100).contains(&turns), "workers had {turns} turns");
    assert!(reports.contains(&"waited") && !reports.contains(&"stalled"), "{reports:?}");
}

#[test]
fn offline_it_waits_as_long_as_it_takes() {
    let mut stage = Stage::new(Pace::Offline);
    DELAY.store(30_000, Ordering::Relaxed);
    for _ in 0..QUANTA * 9 / 10 {
        assert!(stage.quantum().1, "it is not what should be heard");
        if TURNS.load(Ordering::Relaxed) > 2 {
            break;
        }
    }
    assert!(TURNS.load(Ordering::Relaxed) > 2, "no worker came");
    assert_eq!(stage.reports(), [""; 0]);
}

#[test]
fn an_engine_that_is_dropped_while_a_worker_hangs_stays_until_it_is_done() {
    let mut stage = Stage::new(Pace::RealTime);
    stage.hang();
    while HANGING.load(Ordering::Acquire) == 0 {
        std::thread::yield_now();
    }
    let Stage { built, _alone, .. } = stage;
    let dropped = DROPPED.load(Ordering::Acquire);
    let Built { engine, editor, controller, .. } = built;
    drop((editor, controller));
    let dropping = std::thread::spawn(move || drop(engine));
    std::thread::sleep(Duration::from_millis(100));
    assert!(!dropping.is_finished());
    assert_eq!(DROPPED.load(Ordering::Acquire), dropped);
    HELD.store(false, Ordering::Release);
    dropping.join().unwrap();
    assert_eq!(DROPPED.load(Ordering::Acquire), dropped + 8);
}

#[test]
fn an_engine_that_is_dropped_while_a_worker_hangs_for_good_keeps_nobody() {
    let mut stage = Stage::new(Pace::RealTime);
    stage.hang();
    let Stage { built, _alone, .. } = stage;
    let dropped = DROPPED.load(Ordering::Acquire);
    let began = Instant::now();
    drop(built);
    assert!(began.elapsed() < Duration::from_secs(10), "it waited for {:?}", began.elapsed());
    assert_eq!(DROPPED.load(Ordering::Acquire), dropped, "what a worker looks at stays");
}
