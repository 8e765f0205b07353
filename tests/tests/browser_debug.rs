//! The page of figures in a real Chromium.

use auralis_tests::page::{PIXELS, Turn, console_is_silent};
use auralis_tests::presets::TONE;
use auralis_tests::{Browser, Listener, Screen, Server, Tokens};

/// Whether something was drawn on the chart of a number, from 0.
fn drawn(chart: usize, pixels: &str) -> String {
    format!(
        "(() => {{ const canvas = document.querySelectorAll('.chart canvas')[{chart}];
        const data = {PIXELS}(canvas, 0, 0, canvas.width, canvas.height);
        let lit = 0;
        for (let i = 3; i < data.length; i += 4) lit += data[i] > 0;
        return lit {pixels}; }})()"
    )
}

#[test]
fn the_page_of_figures_draws_what_is_pushed_each_second() {
    let _turn = Turn::take();
    let server = Server::start(&[("tone", TONE)]);
    Listener::join(&server, "/ws/audio/ear?format=pcm16").stay();
    let browser = Browser::start(Screen::Desktop);
    browser.open(&server.url("/debug"));
    browser.wait("document.getElementById('link-text').textContent === 'Live'");
    // A line is more than the axis and the number beside it.
    browser.wait("document.querySelectorAll('.chart').length === 10");
    browser.wait("/p50 [\\d.]+ ms/.test(document.querySelector('.legend').textContent)");
    browser.wait("document.querySelector('#stations tbody td').textContent === 'tone'");
    browser.wait("document.querySelector('#clients tbody td').textContent === 'ear'");
    browser.wait("/pcm16 1/.test(document.querySelectorAll('.legend')[4].textContent)");
    let axis = browser.number(&drawn(1, ""));
    browser.wait(&drawn(0, &format!("> {axis}")));
    // Another second, another value.
    let chunks =
        "Number(document.querySelector('#clients tbody tr').children[4].textContent.replace(',', ''))";
    let before = browser.number(chunks);
    browser.wait(&format!("{chunks} > {before}"));
    // A station of its own name shows the same under its address.
    browser.open(&server.url("/s/tone/debug"));
    browser.wait("document.querySelector('#stations tbody td').textContent === 'tone'");
    console_is_silent(&browser);
}

#[test]
fn the_page_of_figures_fits_a_phone_and_tries_again_where_it_is_refused() {
    let _turn = Turn::take();
    let tokens = Tokens::new("hs256");
    let server = Server::start_with(
        &[("tone", TONE)],
        &["--env", "production", "--auth-keys", &tokens.file(), "--trusted-hosts", "radio.test"],
    );
    Listener::join(&server, "/ws/audio/ear?format=pcm16").stay();
    let browser = Browser::start(Screen::Phone(390));
    browser.open(&format!("http://radio.test:{}/debug", server.port()));
    browser.wait("document.getElementById('link-text').textContent === 'Refused, trying again'");
    // Another page of this browser is given a token.
    let token = tokens.issue("admin", &[]);
    assert_eq!(browser.value(&format!("fetch('/?token={token}').then((answer) => answer.ok)")), true);
    browser.wait("document.getElementById('link-text').textContent === 'Live'");
    // The tables are wider than the page, and scroll by themselves.
    browser.wait("document.querySelector('#clients tbody td')?.textContent === 'ear'");
    assert_eq!(browser.number("innerWidth"), 390.0);
    assert_eq!(browser.number("document.documentElement.scrollWidth"), 390.0, "it scrolls sideways");
    let edge = |css: &str, edge: &str| {
        browser.number(&format!("document.querySelector({css:?}).getBoundingClientRect().{edge}"))
    };
    assert!(edge(".wordmark", "bottom") < edge("h1", "top"), "one name is written over the other");
    assert!(edge("h1", "bottom") < edge(".tiles", "top") && edge(".charts", "bottom") < edge("h2", "top"));
}
