//! Where Web Audio is silenced or not to be had: the browser's own player on the station's HTTP streams, in a real
//! Chromium.

use auralis_tests::page::{
    EARS, RAIN, SOUNDS, TONE, Turn, console_is_silent, open, play, plays_on, reach, stat,
};
use auralis_tests::{Browser, Key, Screen, Server};
use serde_json::json;
use std::time::Duration;

/// Keeps the page's player, and lets it be heard by the ears.
const KEEP: &str = "
window.Audio = class extends Audio {
  constructor(...of) { super(...of); window.player = this; }
};
window.overhear = () => {
  const context = new AudioContext();
  context.createMediaStreamSource(player.captureStream()).connect(new AnalyserNode(context, { fftSize: 8192 }));
};
";

/// True in a page whose player sounds.
const STREAMS: &str = "auralis.stats().backend === 'element' && auralis.stats().phase === 'playing'
    && auralis.stats().playedMs > 1500";

/// What comes out of the player is the tone.
fn is_heard(browser: &Browser) {
    browser.script("overhear()");
    browser.wait("Math.abs(measure().pitch - 440) < 2 && measure().impure < 0.05");
}

#[test]
fn the_browsers_own_player_plays_on_when_it_is_chosen() {
    let _turn = Turn::take();
    let mut server = Server::start(&[("tone", TONE)]);
    let browser = Browser::start(Screen::Desktop);
    browser.before_pages(EARS);
    browser.before_pages(KEEP);
    open(&browser, &server.url("/"));
    play(&browser);
    assert_eq!(
        browser.value("[navigator.mediaSession.metadata.title, navigator.mediaSession.playbackState]"),
        json!(["Test Tone", "playing"])
    );
    reach(&browser, "#player button");
    browser.wait(STREAMS);
    assert_eq!(browser.value(&stat("format")), "stream.opus");
    assert_eq!(browser.value(&stat("mode")), "events", "the sound comes once");
    assert_eq!(browser.value("document.getElementById('link-text').textContent"), "Live");
    browser.wait("/^Opus, the browser.s player$/.test(document.getElementById('figure-sound').textContent)");
    is_heard(&browser);
    console_is_silent(&browser);

    // The choice outlives the page; a pause lets go of the stream.
    open(&browser, &server.url("/"));
    browser.click("#play");
    browser.wait(STREAMS);
    browser.click("#play");
    browser.wait("player.paused && !player.src && navigator.mediaSession.playbackState === 'paused'");
    browser.click("#play");
    browser.wait(STREAMS);

    // In a hurry the last press counts, and what the others have begun is not heard.
    let press = |times| {
        browser
            .script(&format!("for (let i = 0; i < {times}; i += 1) document.getElementById('play').click()"));
    };
    press(4);
    browser.wait(STREAMS);
    assert_eq!(browser.value(&stat("format")), "stream.opus");
    press(3);
    browser.wait("player.paused && !player.src && !auralis.stats().playing");
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(browser.value("[player.paused, auralis.stats().backend]"), json!([true, "element"]));
    press(3);
    browser.wait(STREAMS);
    console_is_silent(&browser);
    browser.press(Key::Letter('m'));
    browser.wait("player.muted");
    browser.press(Key::Letter('m'));
    browser.wait("!player.muted");

    // The station is started anew: the player comes back by itself.
    server.kill();
    browser.wait("auralis.stats().phase === 'filling' && auralis.stats().connection === 'waiting'");
    server.restart();
    browser.wait("auralis.stats().connection === 'open'");
    browser.wait(STREAMS);
    is_heard(&browser);

    reach(&browser, "#player button");
    browser.wait(SOUNDS);
    assert_eq!(browser.value(&stat("backend")), "worklet");
    plays_on(&browser);
}

#[test]
fn a_hidden_page_whose_sound_is_taken_away_goes_on_by_the_player() {
    let _turn = Turn::take();
    let server = Server::start(&[("tone", TONE)]);
    let browser = Browser::start(Screen::Desktop);
    browser.before_pages(EARS);
    browser.before_pages(KEEP);
    open(&browser, &server.url("/"));
    play(&browser);
    // What a phone does behind a locked screen.
    browser.script(
        "Object.defineProperty(document, 'hidden', { get: () => true });
         return void ears.context.suspend();",
    );
    browser.wait(STREAMS);
    is_heard(&browser);
    browser.wait("document.querySelector('#player button').getAttribute('aria-checked') === 'true'");
}

#[test]
fn a_page_of_no_secure_origin_plays_by_the_player_or_by_a_script() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN)]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &format!("http://radio.test:{}/", server.port()));
    browser.click("#play");
    browser.wait(STREAMS);
    console_is_silent(&browser);

    // A browser that plays none of them still has the WebSocket.
    browser.before_pages("HTMLMediaElement.prototype.canPlayType = () => ''");
    open(&browser, &format!("http://radio.test:{}/", server.port()));
    play(&browser);
    assert_eq!(browser.value(&stat("backend")), "script");
    assert_eq!(browser.value(&stat("format")), "pcm16");
    plays_on(&browser);
}
