//! The page in production, in a real Chromium: under its Content-Security-Policy, and with what its user may do.

use auralis_tests::page::{RAIN, Turn, console_is_silent, open, play, plays_on, stat};
use auralis_tests::{Browser, Line, Screen, Server, Tokens};

/// A page of somebody who is not the operator: by another name of this machine.
fn strange(server: &Server, path: &str) -> String {
    format!("http://radio.test:{}{path}", server.port())
}

fn station(tokens: &Tokens, more: &[&str]) -> Server {
    let keys = tokens.file();
    Server::start_with(&[("rain", RAIN)], &[&["--env", "production", "--auth-keys", &keys], more].concat())
}

/// By Web Audio, whose sound the page can measure: without HTTPS it would take the browser's own player.
const BY_WEB_AUDIO: &str = "format=pcm16";

/// Nothing was said on the console but this, and that a page without HTTPS has no worklets.
fn is_content(browser: &Browser, passed_over: &[&str]) {
    let passed_over = [passed_over, &["ScriptProcessorNode is deprecated"]].concat();
    let said = browser.log().into_iter().filter(|line| !passed_over.iter().any(|words| line.contains(words)));
    assert_eq!(said.collect::<Vec<_>>(), Vec::<String>::new());
}

const INERT: &str = "[...document.querySelectorAll('[data-takes=control]')].every(section => section.inert)";
const AT_HAND: &str =
    "[...document.querySelectorAll('[data-takes=control]')].every(section => !section.inert)";

#[test]
fn a_strangers_page_listens_and_a_token_in_its_address_gives_it_more() {
    let _turn = Turn::take();
    let tokens = Tokens::new("hs256");
    let server = station(&tokens, &["--trusted-hosts", "radio.test"]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &strange(&server, &format!("/?{BY_WEB_AUDIO}")));
    browser.wait(INERT);
    browser.wait(
        "!document.getElementById('controls-note').hidden && document.getElementById('text-panel').hidden",
    );
    play(&browser);
    plays_on(&browser);
    // Neither by the page nor around it.
    browser.script("document.querySelector('[data-control=level]').focus()");
    assert_eq!(browser.value("document.activeElement.matches('[data-control=level]')"), false);
    let tried = browser.value(
        "fetch('/api/v1/control', { method: 'POST', body: '{\"bpm\":100}' }).then((answer) => answer.status)",
    );
    assert_eq!(tried, 401);

    let token = tokens.issue("controller", &[]);
    open(&browser, &strange(&server, &format!("/?token={token}")));
    browser.wait(AT_HAND);
    assert_eq!(browser.value("location.search + document.cookie"), "", "nobody sees or takes it");
    browser.wait("document.querySelector('[data-control=level]') !== null");
    browser.drag("[data-control=level]", 0.7, 0.2);
    browser.wait("auralis.playing().params.level < -30");
    assert_eq!(browser.value("document.getElementById('text-panel').hidden"), true);

    let token = tokens.issue("admin", &[]);
    let line = Line::to(server.port(), &[]);
    let address = line.url(&format!("/?token={token}"));
    open(&browser, &address.replace("127.0.0.1", "radio.test"));
    browser.wait("!document.getElementById('text-panel').hidden");
    browser.click("#text-panel .unfold");
    browser
        .wait("document.querySelectorAll('#editor .patch-view svg, #editor .patch-view canvas').length > 0");
    // With the token goes what it gave, as soon as the page asks; the text may be asked for before that.
    browser.forget_cookies();
    line.cut();
    browser.wait("document.getElementById('text-panel').hidden");
    browser.wait(INERT);
    is_content(&browser, &["401", "403"]);
}

#[test]
fn the_page_works_under_its_policy_where_sound_is_a_worklets() {
    let _turn = Turn::take();
    let server = station(&Tokens::new("hs256"), &[]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &format!("http://localhost:{}/", server.port()));
    play(&browser);
    plays_on(&browser);
    assert_eq!(browser.value(&stat("backend")), "worklet");
    browser.wait(AT_HAND);
    console_is_silent(&browser);
}

#[test]
fn a_station_for_guests_tells_others_so_and_plays_for_guests() {
    let _turn = Turn::take();
    let tokens = Tokens::new("hs256");
    let server = station(&tokens, &["--listen", "token"]);
    let browser = Browser::start(Screen::Desktop);
    browser.open(&strange(&server, "/"));
    browser.wait("document.getElementById('link-text').textContent === 'For guests with a token'");
    browser.wait("!document.getElementById('listen-note').hidden");
    browser.click("#play");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(browser.value("auralis.stats().connection"), "closed", "it does not knock again and again");
    console_is_silent(&browser);

    let token = tokens.issue("listener", &[]);
    open(&browser, &strange(&server, &format!("/?{BY_WEB_AUDIO}&token={token}")));
    assert_eq!(
        browser.value("location.search"),
        format!("?{BY_WEB_AUDIO}"),
        "nobody gives the token away with the address"
    );
    play(&browser);
    plays_on(&browser);
    browser.wait(INERT);
    assert_eq!(browser.value("document.getElementById('listen-note').hidden"), true);
    is_content(&browser, &[]);
}
