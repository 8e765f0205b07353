//! The browser client in a real Chromium, against a running station: what a listener hears is measured by the
//! page's own analyser.

use auralis_tests::page::{
    PIXELS, RAIN, SOUNDS, Turn, console_is_silent, nameless, open, play, plays_on, stat, too_small,
};
use auralis_tests::{Browser, Key, Line, Screen, Server};
use serde_json::json;
use std::time::Duration;

/// Another preset, with other controls.
const WIND: &str = "
auralis: 1
name: Test Wind
nodes:
  hiss: { type: noise, colour: brown, gain: -12 dB }
  out: { type: output, in: hiss }
expose:
  force: { to: hiss.gain, label: Force }
";

#[test]
fn sound_flows_from_the_click_on_play_and_ends_with_the_next() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN)]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &server.url("/"));
    browser.wait("document.getElementById('name').textContent === 'Test Rain'");
    assert_eq!(browser.number(&stat("chunks")), 0.0, "a page that does not play is sent no sound");
    assert_eq!(browser.number(&stat("rms")), 0.0);

    play(&browser);
    assert_eq!(browser.value(&stat("format")), "opus");
    assert_eq!(browser.value(&stat("backend")), "worklet");
    plays_on(&browser);
    let stats = browser.value("auralis.stats()");
    let (buffer, target) = (stats["averageMs"].as_f64().unwrap(), stats["targetMs"].as_f64().unwrap());
    assert!((buffer - target).abs() < 150.0 && (150.0..=2000.0).contains(&target), "{buffer} ms of {target}");
    assert!(stats["trim"].as_f64().unwrap().abs() <= 0.002);
    browser.wait("document.getElementById('link-text').textContent === 'Live'");
    browser.wait("/^\\d+.ms of \\d+.ms$/.test(document.getElementById('figure-buffer').textContent)");
    browser.wait("/ms$/.test(document.getElementById('figure-latency').textContent)");
    browser.wait("document.getElementById('play').style.getPropertyValue('--way') > 0");
    browser.wait(&format!(
        "(() => {{ const scope = document.getElementById('scope');
        const data = {PIXELS}(scope, Math.round(scope.width * 0.8), 0, 40, scope.height);
        return data.some((x, i) => i % 4 === 1 && x > 90); }})()"
    ));

    browser.click("#play");
    browser
        .wait("auralis.stats().rms === 0 && auralis.stats().mode === 'events' && !auralis.stats().playing");
    let chunks = browser.number(&stat("chunks"));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(browser.number(&stat("chunks")), chunks, "a pause is sent no sound");
    play(&browser);
    console_is_silent(&browser);
}

#[test]
fn timbre_answers_at_once() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN)]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &server.url("/"));
    play(&browser);
    plays_on(&browser);
    let loud = browser.number(&stat("rms"));

    // By the hand: -60 to 12 dB or so, from wherever it stands to a fifth of the way.
    browser.drag("[data-control=level]", 0.7, 0.2);
    let level = "auralis.playing().params.level";
    browser.wait(&format!("{level} < -30"));
    browser.wait(&format!("auralis.stats().rms < {}", loud / 5.0));
    let said = browser.value("document.querySelector('[data-control=level]').getAttribute('aria-valuetext')");
    assert!(said.as_str().unwrap().ends_with("dB"), "{said}");

    // Another button of the mouse takes nothing in hand, and a pointer that is lost holds nothing.
    browser.script(
        "const slider = document.querySelector('[data-control=level]');
        for (const [type, button] of [['pointerdown', 0], ['lostpointercapture', 0], ['pointerdown', 2]])
            slider.dispatchEvent(new PointerEvent(type, { button }));",
    );

    // By somebody else: this page follows.
    server.control(&json!({ "params": { "level": -6.0 } }));
    browser.wait(&format!("auralis.stats().rms > {}", loud * 1.2));
    browser.wait(
        "/6\\.0.dB/.test(document.querySelector('[data-control=level]').getAttribute('aria-valuetext'))",
    );

    // A switch, by the keyboard.
    browser.script("document.querySelector('[role=switch]').focus()");
    browser.press(Key::Space);
    browser.wait("auralis.playing().params.quiet === 1");
    browser.wait("document.querySelector('[role=switch]').getAttribute('aria-checked') === 'true'");
    browser.wait("auralis.stats().rms < 0.001 && auralis.stats().phase === 'playing'");
    console_is_silent(&browser);
}

#[test]
fn harmony_and_tempo_say_when_they_will_and_keep_their_word() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN)]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &server.url("/"));
    play(&browser);
    // Early in a phrase, so that there is something to wait for.
    browser.wait("parseInt(document.getElementById('next').textContent) >= 10");
    browser.click(".tonic input[value=D]");
    browser.script("document.querySelector('[data-control=bpm]').focus()");
    browser.press(Key::Home);
    browser.script("document.querySelector('[data-control=intensity]').focus()");
    browser.press(Key::End);
    browser.wait("auralis.playing().pending.key === 'D minor'");
    browser.wait("auralis.playing().pending.bpm === 40 && auralis.playing().pending.intensity === 1");
    browser.wait(
        "[...document.querySelectorAll('.pending')].some(p => /^D minor in \\d+.s$/.test(p.textContent))",
    );
    browser.wait(
        "[...document.querySelectorAll('.pending')].some(p => /^40.bpm in \\d+.s$/.test(p.textContent))",
    );
    browser.wait(
        "/D minor, 40.bpm in|40.bpm, D minor in/.test(document.getElementById('announcer').textContent)",
    );
    assert_eq!(browser.value("auralis.playing().key"), "A minor", "it has not happened yet");

    browser.wait("auralis.playing().key === 'D minor' && auralis.playing().bpm === 40");
    browser.wait("/^D minor\\s+·\\s+40.bpm/.test(document.getElementById('facts').textContent)");
    browser.wait("[...document.querySelectorAll('.pending')].every(p => p.textContent === '')");
    browser.wait("document.querySelector('.tonic input[value=D]').checked");
    browser.wait("document.querySelector('.tonic.sounding input').value === 'D'");

    // Where several choose, each changes what he touches; the list of modes follows under the keyboard.
    let wanted = |key: &str| browser.wait(&format!("auralis.playing().pending.key === '{key}'"));
    browser.script("document.getElementById('mode').focus()");
    browser.press(Key::Down);
    wanted("D locrian");
    server.control(&json!({ "key": "E lydian" }));
    browser.wait("document.activeElement.id === 'mode' && document.activeElement.value === 'lydian'");
    browser.press(Key::Down);
    wanted("E mixolydian");
    server.control(&json!({ "key": "F dorian" }));
    wanted("F dorian");
    browser.click(".tonic input[value=G]");
    wanted("G dorian");
    console_is_silent(&browser);
}

#[test]
fn the_operator_changes_the_preset_while_it_plays() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN), ("wind", WIND)]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &server.url("/"));
    play(&browser);
    plays_on(&browser);
    browser.wait("document.querySelector('[data-preset=rain]').getAttribute('aria-current') === 'true'");
    browser.click("[data-preset=wind]");
    browser.wait("document.getElementById('name').textContent === 'Test Wind'");
    browser.wait(
        "document.querySelector('[data-control=force]') && !document.querySelector('[data-control=level]')",
    );
    browser.wait("document.querySelector('[data-preset=wind]').getAttribute('aria-current') === 'true'");
    assert_eq!(browser.number(&stat("gaps")), 0.0);
    plays_on(&browser);
    console_is_silent(&browser);
}

#[test]
fn the_client_comes_back_after_the_station_was_killed() {
    let _turn = Turn::take();
    let mut server = Server::start(&[("rain", RAIN)]);
    let browser = Browser::start(Screen::Desktop);
    browser.before_pages(
        "window.contexts = [];
        window.AudioContext = class extends AudioContext {
          constructor(...of) { super(...of); contexts.push(this); }
        };",
    );
    open(&browser, &server.url("/"));
    // Away before the first sound: the page says so, and keeps nothing of the try.
    server.kill();
    browser.wait("document.getElementById('link').dataset.link === 'lost'");
    browser.click("#play");
    browser.wait("/^The station cannot be reached/.test(document.getElementById('notice').textContent)");
    browser.wait("contexts.length === 1 && contexts[0].state === 'closed' && !auralis.stats().playing");
    server.restart();
    browser.wait("auralis.stats().connection === 'open'");
    browser.log();
    play(&browser);
    plays_on(&browser);
    console_is_silent(&browser);
    let before = browser.number(&stat("played"));
    server.kill();
    browser.wait("document.getElementById('link').dataset.link === 'lost'");
    browser.wait("auralis.stats().rms === 0 && auralis.stats().phase === 'filling'");
    std::thread::sleep(Duration::from_secs(2));
    assert!(browser.number(&stat("underruns")) >= 1.0);
    server.restart();
    browser.wait(SOUNDS);
    browser.wait("document.getElementById('link-text').textContent === 'Live'");
    plays_on(&browser);
    let played = browser.number(&stat("played"));
    let away = before + 20.0;
    assert!(
        (away..away + 600.0).contains(&played),
        "the station counts on, the page follows: {before}, {played}"
    );
    // That the station was away is all that the browser has to say.
    let said = browser.log();
    let absent = ["ERR_CONNECTION_", "ERR_SOCKET_NOT_CONNECTED", "WebSocket"];
    assert!(said.iter().all(|line| absent.iter().any(|word| line.contains(word))), "{said:#?}");
}

#[test]
fn a_cut_line_is_taken_up_where_it_was() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN)]);
    let line = Line::to(server.port(), &[]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &line.url("/"));
    play(&browser);
    plays_on(&browser);
    for cut in 1..=3 {
        line.cut();
        browser
            .wait(&format!("auralis.stats().reconnects === {cut} && auralis.stats().connection === 'open'"));
        plays_on(&browser);
    }
    assert_eq!(browser.number(&stat("gaps")), 0.0, "no chunk is missing");
    browser.wait("document.getElementById('announcer').textContent === 'Reconnected without a gap'");
}

#[test]
fn a_line_that_stutters_is_met_with_a_larger_buffer() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN)]);
    let line = Line::to(server.port(), &[]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &line.url("/"));
    play(&browser);
    plays_on(&browser);
    let calm = browser.number(&stat("targetMs"));
    for _ in 0..12 {
        line.stutter(Duration::from_millis(450));
        std::thread::sleep(Duration::from_millis(1200));
    }
    let before = browser.value("auralis.stats()");
    assert!(before["targetMs"].as_f64().unwrap() > calm + 150.0, "{before:#}");
    assert!(before["jitterMs"].as_f64().unwrap() > 80.0, "{before:#}");
    // By now it is used to it; a machine that stutters too gets a few tries.
    let calm = (0..4).any(|_| {
        let before = browser.value(&stat("underruns"));
        for _ in 0..4 {
            line.stutter(Duration::from_millis(450));
            std::thread::sleep(Duration::from_millis(1200));
        }
        browser.value(&stat("underruns")) == before
    });
    assert!(calm, "{:#}", browser.value("auralis.stats()"));
    assert_eq!(browser.number(&stat("gaps")), 0.0, "a stutter loses nothing");
}

#[test]
fn a_station_of_another_rate_is_resampled_to_the_sound_cards() {
    let _turn = Turn::take();
    let server = Server::start_with(&[("rain", RAIN)], &["--sample-rate", "32000"]);
    let browser = Browser::start(Screen::Desktop);
    // Opus has a rate of its own.
    open(&browser, &server.url("/?format=pcm16"));
    play(&browser);
    plays_on(&browser);
    assert_eq!(browser.number(&stat("inputRate")), 32_000.0);
    let ratio =
        browser.number("auralis.stats().ratio * auralis.stats().inputRate / auralis.stats().outputRate");
    assert!((ratio - 1.0).abs() < 0.003 && browser.number(&stat("outputRate")) > 32_000.0, "{ratio}");
    console_is_silent(&browser);
}

#[test]
fn where_binary_frames_are_refused_the_compatible_messages_play() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN)]);
    let line = Line::to(server.port(), &["format=opus", "format=pcm16"]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &line.url("/"));
    play(&browser);
    assert_eq!(browser.value(&stat("format")), "json");
    plays_on(&browser);
    assert_eq!(browser.number(&stat("malformed")), 0.0);

    // Or because they are wished for.
    let said = browser.log();
    assert!(said.iter().all(|line| line.contains("format=")), "{said:#?}");
    open(&browser, &server.url("/?format=json"));
    play(&browser);
    assert_eq!(browser.value(&stat("format")), "json");
    console_is_silent(&browser);
}

#[test]
fn a_listener_from_elsewhere_may_turn_the_controls_but_not_choose() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN), ("wind", WIND)]);
    let browser = Browser::start(Screen::Desktop);
    assert_eq!(server.get("/api/v1/presets")["may_choose"], true, "whoever asks from this machine may");
    // To the station a name that is not its own.
    open(&browser, &format!("http://radio.test:{}/", server.port()));
    browser.wait("!document.getElementById('presets-note').hidden");
    assert_eq!(browser.value("document.getElementById('text-panel').hidden"), true);
    browser.click("[data-preset=wind]");
    browser.wait("/declines/.test(document.getElementById('notice').textContent)");
    browser.wait("!document.getElementById('notice').hidden");
    assert_eq!(browser.value("auralis.playing().preset"), "rain");
    browser.drag("[data-control=level]", 0.7, 0.2);
    browser.wait("auralis.playing().params.level < -30");
    // The refusal is logged by the browser.
    let said = browser.log();
    assert!(said.iter().all(|line| line.contains("403")), "{said:#?}");
}

#[test]
fn the_page_works_by_keyboard_alone_and_everything_has_a_name() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN)]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &server.url("/"));
    browser.wait("document.querySelector('[data-control=level]') != null");
    browser.press(Key::Space);
    browser.wait(SOUNDS);
    browser.press(Key::Letter('m'));
    browser.wait("document.querySelector('#volume output').textContent === 'muted'");
    browser.press(Key::Letter('m'));

    // Round the page once by the tabulator: everything is passed, and shows that it has the focus.
    let mut passed = Vec::new();
    for _ in 0..16 {
        browser.press(Key::Tab);
        let focus = browser.script(
            "const e = document.activeElement; const at = e.matches('input[type=range]') ? null : getComputedStyle(e).outlineStyle;
             return [e.dataset.control || e.dataset.preset || e.id || e.name || e.className || e.tagName, e.matches(':focus-visible'), at]",
        );
        if focus[0] == "BODY" {
            continue;
        }
        assert_eq!(focus[1], json!(true), "{focus}");
        assert_ne!(focus[2], "none", "the focus does not show: {focus}");
        passed.push(focus[0].as_str().unwrap_or_default().to_string());
    }
    for wanted in ["play", "tonic", "mode", "level", "rain"] {
        assert!(passed.iter().any(|name| name == wanted), "{wanted} is not reached: {passed:?}");
    }
    let bpm = "document.querySelector('[data-control=bpm]')";
    browser.script(&format!("{bpm}.focus()"));
    browser.press(Key::Home);
    browser.press(Key::Right);
    browser.wait("auralis.playing().pending.bpm === 41 || auralis.playing().bpm === 41");
    browser.press(Key::Space);
    browser.wait("!auralis.stats().playing");

    assert_eq!(nameless(&browser), json!([]));
    console_is_silent(&browser);
}

#[test]
fn a_phone_shows_everything_within_reach_of_a_finger() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN), ("wind", WIND)]);
    for width in [320, 412] {
        let browser = Browser::start(Screen::Phone(width));
        open(&browser, &server.url("/"));
        browser.wait("document.querySelector('[data-control=level]') != null");
        assert_eq!(browser.number("innerWidth"), f64::from(width));
        let wide = browser.number("document.documentElement.scrollWidth");
        assert_eq!(wide, f64::from(width), "the page can be scrolled sideways");
        assert_eq!(too_small(&browser), json!([]), "smaller than a finger");
        play(&browser);
        assert_eq!(browser.number("document.documentElement.scrollWidth"), f64::from(width));
        console_is_silent(&browser);
    }
}

#[test]
fn the_last_hour_is_drawn_by_time() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN)]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &server.url("/"));
    // Samples of two hours ago, of half an hour ago, and of now; the words at the left are passed over.
    let lit = browser.script(
        "return import('/client/hour.js').then(({ Hour }) => {
            const canvas = document.createElement('canvas');
            canvas.style = 'display: block; width: 900px; height: 36px';
            document.body.append(canvas);
            const hour = new Hour(canvas);
            const analyser = { frequencyBinCount: 4, fftSize: 8, context: { sampleRate: 48000 },
                getFloatFrequencyData: (levels) => levels.fill(-20) };
            const now = performance.now();
            hour.record(now - 7_204_000, 0.5, analyser);
            for (const ago of [7_200_000, 1_800_000, 0]) hour.record(now - ago, 0.5, analyser);
            hour.draw();
            const row = canvas.getContext('2d').getImageData(0, 18, canvas.width, 1).data;
            return Array.from({ length: 700 }, (_, x) => x + 200).filter((x) => row[4 * x + 3] > 0);
        })",
    );
    let lit: Vec<f64> =
        lit.as_array().expect("columns").iter().filter_map(serde_json::Value::as_f64).collect();
    let (half, now): (Vec<f64>, Vec<f64>) = lit.iter().partition(|x| **x < 600.0);
    assert!(!half.is_empty() && half.iter().all(|x| (446.0..453.0).contains(x)), "{lit:?}");
    assert!(!now.is_empty() && now.iter().all(|x| *x >= 896.0), "{lit:?}");
}

#[test]
fn the_river_stands_still_for_who_wants_no_motion() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN)]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &server.url("/"));
    play(&browser);
    let changes = || {
        let picture = || browser.value("document.getElementById('scope').toDataURL()");
        let mut last = picture();
        let mut changes = 0;
        for _ in 0..10 {
            std::thread::sleep(Duration::from_millis(200));
            let now = picture();
            changes += usize::from(now != last);
            last = now;
        }
        changes
    };
    let moving = changes();
    assert!(moving >= 6, "{moving} of 10");
    browser.reduce_motion();
    let still = changes();
    assert!(still <= 1, "{still} of 10");
    console_is_silent(&browser);
}
