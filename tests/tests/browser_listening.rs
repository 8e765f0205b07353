//! How the page listens, in a real Chromium: which formats it takes, what it hears of a tone, and which way the sound
//! goes where the usual one is barred.

use auralis_tests::page::{EARS, TONE, Turn, console_is_silent, open, play, plays_on, stat};
use auralis_tests::{Browser, Line, Listener, Screen, Server};

/// Opens a page with ears, and plays.
fn listening(browser: &Browser, url: &str) {
    browser.before_pages(EARS);
    open(browser, url);
    play(browser);
    plays_on(browser);
}

/// Whatever was heard since `listen()` was the tone, and nothing else.
#[track_caller]
fn is_pure(browser: &Browser, looks: f64) {
    let worst = browser.value("worst");
    let part = |name: &str| worst[name].as_f64().expect("a number");
    assert!(part("looks") >= looks, "{worst}");
    // Correcting drift may go 0.2% astray.
    assert!(part("low") > 438.9 && part("high") < 441.1, "{worst}");
    assert!(part("impure") < 0.01, "{worst}");
}

#[test]
fn opus_is_heard_at_its_pitch_without_a_seam_for_a_tenth_of_the_bytes() {
    let _turn = Turn::take();
    let server = Server::start(&[("tone", TONE)]);
    let browser = Browser::start(Screen::Desktop);
    listening(&browser, &server.url("/"));
    assert_eq!(browser.value(&stat("format")), "opus");
    assert_eq!(browser.number(&stat("inputRate")), 48_000.0);
    browser.script("listen()");
    let before = browser.value("[auralis.stats().bytes, auralis.stats().chunks]");
    plays_on(&browser);
    let after = browser.value("[auralis.stats().bytes, auralis.stats().chunks]");
    let moved = |at: usize| after[at].as_f64().unwrap() - before[at].as_f64().unwrap();
    let bytes = moved(0) / moved(1);
    assert!((800.0..2500.0).contains(&bytes), "{bytes} bytes a chunk, where PCM has 17,640");
    is_pure(&browser, 30.0);
    assert_eq!(browser.number(&stat("decodeErrors")), 0.0);
    assert_eq!(browser.number(&stat("malformed")), 0.0);
    console_is_silent(&browser);
}

#[test]
fn opus_goes_on_to_the_frame_where_a_line_was_cut() {
    let _turn = Turn::take();
    let server = Server::start(&[("tone", TONE)]);
    let line = Line::to(server.port(), &[]);
    let browser = Browser::start(Screen::Desktop);
    listening(&browser, &line.url("/"));
    browser.script("listen()");
    // Where the machine is too busy for the new connection to be there in time, it is tried once more.
    let whole = (1..=4).any(|cut| {
        let underruns = browser.number(&stat("underruns"));
        browser.script("worst = { impure: 0, low: Infinity, high: 0, looks: 0 }");
        line.cut();
        browser
            .wait(&format!("auralis.stats().reconnects === {cut} && auralis.stats().connection === 'open'"));
        std::thread::sleep(std::time::Duration::from_secs(3));
        browser.number(&stat("underruns")) == underruns
    });
    assert!(whole, "{:#}", browser.value("auralis.stats()"));
    assert_eq!(browser.value(&stat("format")), "opus");
    assert_eq!(browser.number(&stat("gaps")), 0.0);
    is_pure(&browser, 15.0);
    browser.wait("document.getElementById('announcer').textContent === 'Reconnected without a gap'");
}

/// Keeps the page's WebSockets, and what it says over them.
const SOCKETS: &str = "
window.sockets = [];
window.said = [];
window.WebSocket = class extends WebSocket {
  constructor(...of) { super(...of); sockets.push(this); }
  send(text) { said.push(JSON.parse(text)); super.send(text); }
};
";

#[test]
fn how_far_the_ear_is_behind_is_measured_and_told_to_the_station() {
    let _turn = Turn::take();
    let server = Server::start(&[("tone", TONE)]);
    let browser = Browser::start(Screen::Desktop);
    browser.before_pages(SOCKETS);
    open(&browser, &server.url("/"));
    assert!(browser.value(&stat("delayMs")).is_null(), "nothing is heard yet");
    play(&browser);
    plays_on(&browser);
    let stats = browser.value("auralis.stats()");
    let figure = |name: &str| stats[name].as_f64().unwrap_or_else(|| panic!("no {name}: {stats:#}"));
    // What lies in the buffer comes on top of the clock, less what the station sends ahead of it: 0.4 s or more.
    let (delay, buffer) = (figure("delayMs"), figure("bufferMs"));
    assert!((buffer - 2500.0..buffer + 500.0).contains(&delay), "{stats:#}");
    assert!((0.0..1000.0).contains(&figure("latencyMs")), "{stats:#}");
    browser.wait("/ms$/.test(document.getElementById('figure-delay').textContent)");
    browser.wait("said.some(({ type, delay_ms }) => type === 'report' && Number.isFinite(delay_ms))");
    let report = browser.value("said.findLast(({ type }) => type === 'report')");
    for field in ["buffer_ms", "underruns", "played_chunk_index", "client_time", "round_trip_ms", "delay_ms"]
    {
        assert!(report[field].is_number(), "{field}: {report:#}");
    }
    assert!((report["delay_ms"].as_f64().unwrap() - delay).abs() < 500.0, "{report:#} {stats:#}");
    assert_eq!(browser.value("document.getElementById('notice').hidden"), true, "the station understands it");
}

#[test]
fn a_browser_without_a_decoder_hears_pcm() {
    let _turn = Turn::take();
    let server = Server::start(&[("tone", TONE)]);
    let browser = Browser::start(Screen::Desktop);
    browser.before_pages("delete window.AudioDecoder");
    listening(&browser, &server.url("/"));
    assert_eq!(browser.value(&stat("format")), "pcm16");
    browser.script("listen()");
    plays_on(&browser);
    is_pure(&browser, 30.0);
    console_is_silent(&browser);

    // What is wished for is taken, where there is a choice.
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &server.url("/?format=pcm16"));
    play(&browser);
    assert_eq!(browser.value(&stat("format")), "pcm16");
}

#[test]
fn a_decoder_that_breaks_or_falls_silent_is_replaced_by_pcm() {
    let _turn = Turn::take();
    let server = Server::start(&[("tone", TONE)]);
    // A code 3 packet of 63 frames, which no packet can have; and nothing at all.
    let broken =
        "new EncodedAudioChunk({ type: 'key', timestamp: chunk.timestamp, data: Uint8Array.of(255, 63, 0) })";
    for (act, said) in
        [(format!("decode.call(this, {broken})"), "Opus: "), ("0".into(), "the decoder gives nothing")]
    {
        let browser = Browser::start(Screen::Desktop);
        browser.before_pages(&format!(
            "const {{ decode }} = AudioDecoder.prototype;
             let packets = 0;
             AudioDecoder.prototype.decode = function (chunk) {{
               packets += 1;
               if (packets < 200) decode.call(this, chunk);
               else {act};
             }};"
        ));
        open(&browser, &server.url("/"));
        play(&browser);
        assert_eq!(browser.value(&stat("format")), "opus");
        browser.wait("auralis.stats().format === 'pcm16' && auralis.stats().decodeErrors === 1");
        plays_on(&browser);
        let log = browser.log();
        assert!(log.len() == 1 && log[0].contains(said), "{log:#?}");
    }
}

#[test]
fn a_full_station_says_so_and_is_tried_again() {
    let _turn = Turn::take();
    let server = Server::start_with(&[("tone", TONE)], &["--max-clients", "1"]);
    let first = Listener::join(&server, "/ws/stream");
    let browser = Browser::start(Screen::Desktop);
    browser.open(&server.url("/"));
    browser
        .wait("/the station is full \\(1 listeners\\)/.test(document.getElementById('notice').textContent)");
    browser.wait("/^Full, trying again/.test(document.getElementById('link-text').textContent)");
    drop(first);
    browser.wait("auralis.stats().connection === 'open' && auralis.playing() != null");
    browser.wait("document.getElementById('link-text').textContent === 'Connected'");
}

#[test]
fn a_station_that_turns_the_page_away_is_not_asked_again_before_somebody_presses_play() {
    let _turn = Turn::take();
    let server = Server::start(&[("tone", TONE)]);
    let browser = Browser::start(Screen::Desktop);
    browser.before_pages(SOCKETS);
    open(&browser, &server.url("/"));
    play(&browser);
    // More messages than anybody has to send.
    browser.script("for (let i = 0; i < 3000; i += 1) sockets.at(-1).send('{\"type\":\"ping\"}')");
    browser.wait("document.getElementById('link-text').textContent === 'Turned away'");
    browser.wait("/turned you away: too many messages/.test(document.getElementById('notice').textContent)");
    browser.wait("!auralis.stats().playing && auralis.stats().rms === 0");
    let sockets = browser.number("sockets.length");
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(browser.number("sockets.length"), sockets);
    play(&browser);
    browser.wait("document.getElementById('link-text').textContent === 'Live'");
}
