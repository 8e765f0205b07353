//! The page on lines as they are out there, in a real Chromium: far, uneven, lossy, dark for a while, thin. What the line
//! carries in time is heard without a gap.

use auralis_tests::page::{TONE, Turn, console_is_silent, open, play, plays_on, stat};
use auralis_tests::{Browser, Line, Screen, Server, Weather};
use std::time::Duration;

/// A station, a line to it, and a page that plays over it.
struct Far {
    browser: Browser,
    line: Line,
    _server: Server,
}

impl Far {
    fn listen(weather: Weather, page: &str) -> Self {
        let server = Server::start(&[("tone", TONE)]);
        let line = Line::to(server.port(), &[]);
        line.set(weather);
        let browser = Browser::start(Screen::Desktop);
        open(&browser, &line.url(page));
        play(&browser);
        Self { browser, line, _server: server }
    }

    fn figure(&self, name: &str) -> f64 {
        self.browser.number(&stat(name))
    }

    /// Underruns and gaps within some seconds.
    fn breaks(&self, seconds: u64) -> f64 {
        let count = || self.figure("underruns") + self.figure("gaps");
        let before = count();
        std::thread::sleep(Duration::from_secs(seconds));
        count() - before
    }

    /// Holds that the sound flows for so many seconds without a break. A machine that is busy gets a few tries.
    #[track_caller]
    fn flows(&self, seconds: u64) {
        let whole = (0..3).any(|_| self.breaks(seconds) == 0.0);
        assert!(whole, "{:#}", self.browser.value("auralis.stats()"));
        plays_on(&self.browser);
    }
}

const MS: Duration = Duration::from_millis(1);
/// Carries Opus with room to spare, and a sixth of PCM.
const THIN: u64 = 256_000;

#[test]
fn a_long_and_uneven_way_is_not_heard() {
    let _turn = Turn::take();
    let far = Far::listen(Weather { delay: 200 * MS, jitter: 50 * MS, ..Weather::default() }, "/");
    assert_eq!(far.browser.value(&stat("format")), "opus");
    far.flows(15);
    let trip = far.figure("latencyMs");
    assert!((200.0..600.0).contains(&trip), "the way is that long: {trip} ms");
    assert_eq!(far.figure("gaps"), 0.0);
    console_is_silent(&far.browser);
}

#[test]
fn what_a_line_loses_is_waited_for_once_the_page_knows_the_line() {
    let _turn = Turn::take();
    let far = Far::listen(Weather { delay: 100 * MS, loss: 0.02, ..Weather::default() }, "/");
    // A stall of 300 ms, or of 900, is longer than what lies ready at first.
    std::thread::sleep(Duration::from_secs(10));
    let first = far.figure("underruns");
    assert!(first <= 4.0, "{first} underruns");
    far.flows(20);
    assert_eq!(far.figure("gaps"), 0.0, "TCP loses nothing");
    console_is_silent(&far.browser);
}

#[test]
fn a_dark_line_costs_one_underrun_and_nothing_more() {
    let _turn = Turn::take();
    let far = Far::listen(Weather { delay: 20 * MS, ..Weather::default() }, "/");
    far.flows(4);
    let before = far.figure("underruns");
    far.line.darken(Duration::from_secs(5));
    far.browser.wait("auralis.stats().phase === 'filling' && auralis.stats().rms === 0");
    far.browser.wait("auralis.stats().phase === 'playing' && auralis.stats().rms > 0.01");
    assert_eq!(far.figure("underruns") - before, 1.0, "{:#}", far.browser.value("auralis.stats()"));
    assert_eq!(far.figure("gaps"), 0.0, "what was sent meanwhile arrives");
    assert_eq!(far.figure("reconnects"), 0.0, "5 s are no reason to give a line up");
    far.flows(10);
    console_is_silent(&far.browser);
}

#[test]
fn a_thin_line_carries_opus_and_of_what_it_cannot_carry_the_page_recovers() {
    let _turn = Turn::take();
    let thin = Weather { delay: 30 * MS, bits_per_second: THIN, ..Weather::default() };
    let far = Far::listen(thin, "/");
    far.flows(15);
    assert_eq!(far.figure("gaps"), 0.0);
    console_is_silent(&far.browser);
    drop(far);

    // A sixth of the sound cannot be played; but the page lives, and plays as soon as the line is better.
    let far = Far::listen(Weather::default(), "/?format=pcm16");
    far.line.set(thin);
    far.browser.wait("auralis.stats().underruns >= 3");
    assert_eq!(far.browser.value(&stat("playing")), true);
    let target = far.figure("targetMs");
    assert!(target <= 2000.0, "{target} ms");
    far.line.set(Weather::default());
    plays_on(&far.browser);
}
