//! The pages of many stations, and of one's own, in a real Chromium.

use auralis_tests::page::{
    RAIN, SOUNDS, Turn, console_is_silent, nameless, open, play, plays_on, reach, stat, too_small,
};
use auralis_tests::{Browser, Listener, Screen, Server};
use serde_json::json;

/// A folder of two presets.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("rain.yaml"), RAIN).expect("a preset is saved");
    let wind = RAIN.replace("Test Rain", "Test Wind").replace("pink", "brown");
    std::fs::write(folder.path().join("wind.yaml"), wind).expect("a preset is saved");
    folder
}

/// A server with both, and with room for private stations.
fn serve(folder: &tempfile::TempDir) -> Server {
    let path = folder.path().to_str().expect("a plain path");
    Server::start_with(&[], &[path, "--default-station", "rain", "--private-stations", "2"])
}

const HERE: &str = "document.querySelector('[data-station][aria-current]')?.dataset.station";

#[test]
fn each_station_has_a_page_from_which_the_others_are_a_click_away() {
    let _turn = Turn::take();
    let folder = folder();
    let server = serve(&folder);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &server.url("/s/wind/"));
    assert_eq!(browser.value("auralis.playing().preset_name"), "Test Wind");
    browser.wait(&format!("{HERE} === 'wind'"));
    play(&browser);
    plays_on(&browser);
    // A control that is turned here is turned at this station.
    browser.drag("[data-control=level]", 0.7, 0.2);
    browser.wait("auralis.playing().params.level < -30");
    assert_eq!(server.get("/api/v1/controls")["controls"][0]["value"], -12.0);

    browser.click("[data-station=rain]");
    browser.wait("window.auralis?.playing()?.preset_name === 'Test Rain'");
    browser.wait(SOUNDS);
    assert_eq!(browser.value("location.pathname + location.hash"), "/s/rain/");
    browser.wait(&format!("{HERE} === 'rain'"));
    browser.wait("navigator.mediaSession.metadata?.artist === 'Auralis · rain'");
    console_is_silent(&browser);

    // The server's own page is that of one of them.
    open(&browser, &server.url("/"));
    browser.wait(&format!("{HERE} === 'rain'"));
    browser.wait("navigator.mediaSession.metadata?.title === 'Test Rain'");
}

#[test]
fn the_list_of_stations_keeps_the_focus_and_says_what_is_gone() {
    let _turn = Turn::take();
    let folder = folder();
    let server = serve(&folder);
    let browser = Browser::start(Screen::Desktop);
    browser.before_pages(
        "const every = setInterval; window.setInterval = (act, ms) => every(act, Math.min(ms, 1000));",
    );
    open(&browser, &server.url("/s/wind/"));
    browser.wait(&format!("{HERE} === 'wind'"));
    browser.script("document.querySelector('[data-station=rain]').focus()");
    Listener::join(&server, "/s/rain/ws/audio/ear?format=pcm16").stay();
    browser.wait("/ 1 listener$/.test(document.querySelector('[data-station=rain]').textContent)");
    assert_eq!(browser.value("document.activeElement.dataset.station"), "rain");

    // Where one is already, one only plays.
    let before = browser.value("history.length");
    reach(&browser, "[data-station=wind]");
    browser.wait(SOUNDS);
    assert_eq!(browser.value("[location.hash, history.length]"), json!(["", before]));

    std::fs::remove_file(folder.path().join("wind.yaml")).expect("a preset is removed");
    server.signal("HUP");
    browser.wait("document.getElementById('link-text').textContent === 'Ended'");
    browser.wait(
        "document.querySelector('#stations .note').textContent === 'This station is no longer played here.'",
    );
    browser.wait("document.querySelectorAll('[data-station]').length === 1");
    assert_eq!(browser.value("document.querySelector('#stations .note').hidden"), false);
}

#[test]
fn a_server_of_one_station_shows_no_list() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN)]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &server.url("/"));
    browser.wait(
        "performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/api/v1/stations'))",
    );
    browser.wait("document.getElementById('stations').hidden");
}

#[test]
fn a_station_of_ones_own_is_made_of_wishes_and_said_to_be_gone_when_it_is() {
    let _turn = Turn::take();
    let folder = folder();
    let mut server = serve(&folder);
    let browser = Browser::start(Screen::Phone(412));
    open(&browser, &server.url("/"));
    // What is above is there, and moves no more.
    browser.wait(
        "document.querySelector('[data-preset]') && document.querySelector('[data-control=level]') != null",
    );
    browser.wait("document.querySelector('.own > .deed')?.offsetParent != null");
    reach(&browser, ".own > .deed");
    browser.wait("document.querySelector('.own select option[value=night_drift]') != null");
    assert_eq!(nameless(&browser), json!([]));
    assert_eq!(too_small(&browser), json!([]), "smaller than a finger");
    let fill =
        "const [preset, tonic, mode, bpm, seed] = document.querySelectorAll('.own select, .own input');
        const put = (field, value) => { field.value = value; field.dispatchEvent(new Event('change')); };
        put(preset, 'night_drift'); put(tonic, 'D'); put(mode, 'dorian'); put(bpm, ";
    browser.script(&format!("{fill} 30); put(seed, 7);"));
    reach(&browser, ".own-form .deed");
    // What the page would accept is up to the page; what is right is up to the server.
    assert_eq!(browser.value("location.pathname"), "/", "a tempo out of range is not sent");
    browser.script(&format!("{fill} 90); put(seed, 7);"));
    reach(&browser, ".own-form .deed");
    browser.wait("/^\\/s\\/[0-9a-f]{32}\\/$/.test(location.pathname) && window.auralis?.playing() != null");
    assert_eq!(
        browser.value("(({ key, bpm, preset }) => [key, bpm, preset])(auralis.playing())"),
        json!(["D dorian", 90, "night_drift"])
    );
    browser.wait("auralis.stats().phase === 'playing'");
    browser.wait("/^This station is yours/.test(document.querySelector('#stations .note').textContent)");
    console_is_silent(&browser);

    // The server is started anew: private stations are not kept.
    server.restart();
    browser.wait("document.getElementById('link-text').textContent === 'Ended'");
    browser.wait("document.getElementById('facts').textContent === 'This station has ended'");
    browser.wait("!auralis.stats().playing && !document.querySelector('.own-form').hidden");
    browser.wait("document.querySelectorAll('.own input')[1].value === '7'");
    let before = browser.value("location.pathname");
    reach(&browser, ".own-form .deed");
    browser.wait(&format!("location.pathname !== {before} && window.auralis?.playing()?.key === 'D dorian'"));
    browser.wait("auralis.stats().phase === 'playing'");
    assert_eq!(browser.number(&stat("decodeErrors")), 0.0);
}
