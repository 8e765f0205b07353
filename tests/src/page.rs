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

/// A tone that is there all the time.
pub const TONE: &str = "
auralis: 1
name: Test Tone
tempo: 150
nodes:
  tone: { type: oscillator, frequency: 440 Hz, gain: -12 dB }
  out: { type: output, in: tone }
";

/// Keeps the page's analyser, and measures by it: the pitch in Hz, and how much of the sound is no pure tone (0 to 1),
/// over the last 0.19 s. Opus leaves some 0.006; with a seam that is one frame off it is 0.016.
pub const EARS: &str = "
window.AnalyserNode = class extends AnalyserNode {
  constructor(...of) { super(...of); window.ears = this; }
};
window.measure = () => {
  const x = new Float32Array(8192);
  ears.getFloatTimeDomainData(x);
  const ups = [];
  for (let i = 1; i < x.length; i += 1) if (x[i - 1] < 0 && x[i] >= 0) ups.push(i - x[i] / (x[i] - x[i - 1]));
  const cycle = (ups.at(-1) - ups[0]) / (ups.length - 1);
  const turn = (2 * Math.PI) / cycle;
  let [ss, cc, sc, sx, cx, xx] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < x.length; i += 1) {
    const [s, c] = [Math.sin(turn * i), Math.cos(turn * i)];
    ss += s * s; cc += c * c; sc += s * c; sx += s * x[i]; cx += c * x[i]; xx += x[i] * x[i];
  }
  const det = ss * cc - sc * sc;
  const [a, b] = [(sx * cc - cx * sc) / det, (cx * ss - sx * sc) / det];
  const rest = xx - a * sx - b * cx;
  return { pitch: ears.context.sampleRate / cycle, impure: Math.sqrt(Math.max(0, rest) / xx) };
};
window.listen = () => {
  window.worst = { impure: 0, low: Infinity, high: 0, looks: 0 };
  setInterval(() => {
    const { pitch, impure } = measure();
    worst.looks += 1;
    worst.impure = Math.max(worst.impure, impure);
    worst.low = Math.min(worst.low, pitch);
    worst.high = Math.max(worst.high, pitch);
  }, 100);
};
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

/// A function in the page: of a canvas and a rectangle of it, the bytes of the pixels (red, green, blue, alpha). They
/// are read from a copy, as a browser complains on the console of who reads one canvas again and again.
pub const PIXELS: &str = "((canvas, x, y, width, height) => {
  const copy = Object.assign(document.createElement('canvas'), { width, height })
    .getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, -x, -y);
  return copy.getImageData(0, 0, width, height).data;
})";

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

/// Clicks what may lie out of view, or under the row that stays at the foot of a phone.
pub fn reach(browser: &Browser, css: &str) {
    browser.script(&format!("document.querySelector({css:?}).scrollIntoView({{ block: 'center' }})"));
    browser.click(css);
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
