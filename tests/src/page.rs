//! What the tests of the browser's page begin with: who has the browser, opening, playing, and what holds everywhere.

use crate::Browser;
use serde_json::Value as Json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Noise, whose level, mute and width are exposed, fast enough that a phrase (8 bars) takes 12.8 s.
pub const RAIN: &str = "
auralis: 1
name: Test Rain
description: Noise, and nothing else.
tags: [test]
tempo: 150
nodes:
  hiss: { type: noise, colour: pink }
  level: { type: gain, in: hiss, gain: -12 dB }
  out: { type: output, in: level }
expose:
  level: { to: level.gain, label: Level }
  quiet: { to: level.mute, label: Quiet }
";

/// One browser at a time: what is measured is sound in time, and machines are small.
pub struct Turn(());

static TAKEN: AtomicBool = AtomicBool::new(false);

impl Turn {
    /// Waits for it.
    pub fn take() -> Self {
        while TAKEN.swap(true, Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(50));
        }
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Release);
    }
}

/// A figure of the page, as an expression in it.
pub fn stat(name: &str) -> String {
    format!("auralis.stats().{name}")
}

/// Opens a page and waits until it knows what plays.
pub fn open(browser: &Browser, url: &str) {
    browser.open(url);
    browser.wait("window.auralis?.playing() != null && auralis.stats().connection === 'open'");
}

/// Clicks play and waits for sound.
pub fn play(browser: &Browser) {
    browser.click("#play");
    browser.wait(SOUNDS);
}

/// True in a page that sounds.
pub const SOUNDS: &str = "auralis.stats().phase === 'playing' && auralis.stats().rms > 0.01";

/// Listens until a stretch of four seconds went by without an underrun or a gap, and the music moved on with the
/// clock. A machine that is busy gets a few tries: after an underrun the page keeps more in hand.
pub fn plays_on(browser: &Browser) {
    let mut tries = Vec::new();
    for _ in 0..5 {
        let before = browser.value("auralis.stats()");
        std::thread::sleep(Duration::from_secs(4));
        let after = browser.value("auralis.stats()");
        let moved =
            |name: &str| after[name].as_f64().unwrap_or_default() - before[name].as_f64().unwrap_or_default();
        let heard = after["rms"].as_f64().is_some_and(|rms| rms > 0.01);
        if moved("underruns") == 0.0
            && moved("gaps") == 0.0
            && (35.0..=46.0).contains(&moved("played"))
            && heard
        {
            return;
        }
        tries.push((before, after));
    }
    panic!("the sound does not flow: {tries:#?}");
}

/// Nothing may be said on the console.
pub fn console_is_silent(browser: &Browser) {
    assert_eq!(browser.log(), Vec::<String>::new());
}

/// Every element that can be reached by the tabulator.
pub const REACHABLE: &str = "[...document.querySelectorAll('a[href], button, select, input')]
    .filter(e => e.offsetParent !== null && !e.disabled && !e.matches('.skip'))";

/// What can be reached and has no name for who cannot see it.
pub fn nameless(browser: &Browser) -> Json {
    browser.script(&format!(
        "return {REACHABLE}.filter(e => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby')
             || e.labels?.length || e.textContent.trim())).map(e => e.outerHTML)"
    ))
}

/// What can be reached and is smaller than a finger.
pub fn too_small(browser: &Browser) -> Json {
    browser.script(&format!(
        "return {REACHABLE}.map(e => [e, e.getBoundingClientRect()])
            .filter(([, r]) => r.width < 44 || r.height < 44).map(([e]) => e.outerHTML)"
    ))
}
