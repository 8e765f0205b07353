//! The pane in which the operator edits the graph that plays, in a real Chromium: the text, and the drawing with its
//! levels.

use auralis_tests::page::{
    RAIN, REACHABLE, Turn, console_is_silent, nameless, open, play, plays_on, stat, too_small,
};
use auralis_tests::{Browser, Held, Key, Screen, Server};
use serde_json::json;
use std::time::Duration;

/// A sine of -12 dB whose level is exposed, and whatever else.
fn tone(more: &str, out: &str) -> String {
    format!(
        "auralis: 1
name: Test Tone
nodes:
  tone: {{ type: oscillator, frequency: 500 Hz, gain: -12 dB }}
  slow: {{ type: lfo, rate: 0.1 Hz }}
  place: {{ type: pan, in: tone, pan: {{ from: slow, depth: 0.01 }} }}
{more}  out: {{ type: output, in: [place{out}] }}
expose:
  level: {{ to: tone.gain, label: Level }}
"
    )
}

const OTHER: &str = "  other: { type: oscillator, frequency: 800 Hz, gain: -3 dB }\n";

const FIELD: &str = "document.getElementById('text')";

/// Opens the page and its pane, and waits for the drawing.
fn unfold(browser: &Browser, server: &Server) {
    open(browser, &server.url("/"));
    browser.wait("!document.getElementById('text-panel').hidden");
    browser.script("document.querySelector('.unfold').scrollIntoView({ block: 'center' })");
    browser.click(".unfold");
    browser.wait(&format!("{FIELD}.offsetHeight > 0 && {FIELD}.value !== ''"));
    browser.wait("document.querySelectorAll('.node').length > 0");
}

/// Writes in the text field, as one who types.
fn write(browser: &Browser, from: &str, to: &str) {
    browser.script(&format!(
        "const e = {FIELD}; e.value = e.value.replace({}, {}); e.dispatchEvent(new Event('input'));",
        json!(from),
        json!(to)
    ));
}

/// What a node's meter reads in dB, as an expression in the page; NaN where it reads nothing.
fn level(node: &str) -> String {
    let figure = format!("document.querySelector('[data-node={node}] .level')?.textContent");
    format!("Number.parseFloat({figure}?.replace('\\u2212', '-'))")
}

fn watchers(server: &Server) -> u64 {
    server.get("/api/status")["level_watchers"].as_u64().expect("a number")
}

fn until_watched_by(server: &Server, wanted: u64) {
    for _ in 0..100 {
        if watchers(server) == wanted {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{} watch, not {wanted}", watchers(server));
}

#[test]
fn the_operator_edits_the_text_while_it_plays() {
    let _turn = Turn::take();
    let server = Server::start(&[("rain", RAIN)]);
    let browser = Browser::start(Screen::Desktop);
    unfold(&browser, &server);
    let state = "document.querySelector('#text-panel .state').textContent";
    browser.wait(&format!("{FIELD}.offsetHeight > 0 && {FIELD}.value.includes('name: Test Rain')"));
    play(&browser);
    write(&browser, "type: noise", "type: noize");
    browser.wait("document.querySelector('.mistake')?.textContent.includes('noize')");
    browser.click(".mistake");
    browser.wait(&format!("document.activeElement === {FIELD} && {FIELD}.selectionStart > 0"));
    browser.click("#text-panel .apply");
    browser.wait(&format!("{state}.includes('goes on')"));
    assert_eq!(server.get("/api/v1/graph")["edition"], 0);
    write(&browser, "type: noize", "type: noise");
    write(&browser, "name: Test Rain", "name: Other Rain");
    browser.wait("document.querySelector('.mistake') === null");
    browser.click("#text-panel .apply");
    browser.wait("document.getElementById('name').textContent === 'Other Rain'");
    browser.wait(&format!("{state} === 'It plays.'"));
    plays_on(&browser);
    write(&browser, "name: Other Rain", "name: Third Rain");
    browser.click("#text-panel .revert");
    browser.wait(&format!("{FIELD}.value.includes('name: Other Rain')"));
    server.save("rain", &RAIN.replace("Test Rain", "Saved Rain"));
    browser.wait(&format!("{FIELD}.value.includes('name: Saved Rain')"));
    // The refusals above are all that the console tells of.
    assert!(browser.log().iter().all(|line| line.contains("422")), "{:?}", browser.log());
}

#[test]
fn the_drawing_shows_the_graph_and_its_levels_follow_the_sound() {
    let _turn = Turn::take();
    let mut server = Server::start(&[("tone", &tone("", ""))]);
    let browser = Browser::start(Screen::Desktop);
    open(&browser, &server.url("/"));
    browser.wait("!document.getElementById('text-panel').hidden");
    let fetched = "performance.getEntriesByType('resource').map(({ name }) => name).join()";
    assert_eq!(browser.value(&format!("/graph_view|v1.graph|v1.levels/.test({fetched})")), false);
    assert_eq!((watchers(&server), browser.number("document.querySelectorAll('.node').length")), (0, 0.0));

    unfold(&browser, &server);
    let drawn = browser.value(
        "[...document.querySelectorAll('.node')].map(e => [e.dataset.node, e.querySelector('.kind').textContent])",
    );
    assert_eq!(drawn, json!([["tone", "oscillator"], ["slow", "lfo"], ["place", "pan"], ["out", "output"]]));
    let flows = browser.value("[...document.querySelectorAll('.wire')].map(e => e.dataset.flow)");
    assert_eq!(flows, json!(["audio", "modulation", "audio"]));
    browser.wait(&format!("{} === -12", level("tone")));
    until_watched_by(&server, 1);
    let wide = "Number.parseFloat(document.querySelector('.wire .stream').style.strokeWidth)";
    let loud = browser.number(wide);
    assert_eq!(browser.value("document.querySelector('[data-node=slow] .level').textContent"), "");

    server.control(&json!({ "params": { "level": -40 } }));
    browser.wait(&format!("{} === -40", level("tone")));
    let soft = browser.number(wide);
    assert!(soft < loud - 1.0, "{soft} px at -40 dB, {loud} px at -12 dB");

    // A station that is gone is silent, and when it is back its levels are, as they were.
    server.kill();
    browser.wait(&format!("Number.isNaN({})", level("tone")));
    server.restart();
    browser.wait(&format!("{} === -40", level("tone")));
    until_watched_by(&server, 1);

    // Nothing is measured for a drawing that nobody sees.
    browser.click(".unfold");
    until_watched_by(&server, 0);
    browser.click(".unfold");
    until_watched_by(&server, 1);
    browser.script("scrollTo(0, 0); document.querySelector('.stage').style.height = '3000px'");
    until_watched_by(&server, 0);
    browser.open("about:blank");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(watchers(&server), 0);
    open(&browser, &server.url("/"));
    browser.wait("document.querySelectorAll('.node').length === 4");
    // That the station was away is all that the console tells of.
    let said = browser.log();
    assert!(said.iter().all(|line| line.contains("ERR_")), "{said:?}");
}

#[test]
fn an_applied_edit_brings_its_node_and_undo_takes_it_away_and_its_sound_with_it() {
    let _turn = Turn::take();
    let server = Server::start(&[("tone", &tone("", ""))]);
    let browser = Browser::start(Screen::Desktop);
    unfold(&browser, &server);
    play(&browser);
    // Sound begins softly. What the other adds is 9 dB louder than what sounds alone.
    std::thread::sleep(Duration::from_secs(2));
    let rms = browser.number(&stat("rms"));
    let alone = format!("{} < {}", stat("rms"), rms * 1.2);
    let both = format!("{} > {}", stat("rms"), rms * 2.5);
    let place = "document.querySelector('[data-node=tone]')";
    browser.script(&format!("window.before = {place}"));
    assert_eq!(browser.value("document.querySelector('.undo').disabled"), true);

    write(&browser, "  out:", &format!("{OTHER}  out:"));
    write(&browser, "[place]", "[place, other]");
    browser.click("#text-panel .apply");
    browser.wait("document.querySelector('[data-node=other]') !== null");
    browser.wait(&format!("{} === -3", level("other")));
    browser.wait(&both);
    assert_eq!(browser.value(&format!("{place} === window.before")), true, "what stays is not drawn anew");

    browser.click("#text-panel .undo");
    browser.wait("document.querySelector('[data-node=other]') === null");
    browser.wait(&alone);
    browser.wait(&format!("{FIELD}.value === {}", json!(tone("", ""))));
    assert_eq!(server.get("/api/v1/graph")["text"], tone("", "").as_str());

    // By keys, in the field: those with Alt are for what plays, those without for the text.
    browser.click("#text");
    browser.press_with(&[Held::Control, Held::Alt, Held::Shift], Key::Letter('z'));
    browser.wait("document.querySelector('[data-node=other]') !== null");
    browser.wait(&both);
    browser.press_with(&[Held::Control, Held::Alt], Key::Letter('z'));
    browser.wait("document.querySelector('[data-node=other]') === null");
    browser.wait(&alone);
    let edition = server.get("/api/v1/graph")["edition"].as_u64();
    browser.script(&format!("const e = {FIELD}; e.setSelectionRange(0, 0)"));
    browser.press(Key::Letter('#'));
    browser.wait(&format!("{FIELD}.value.startsWith('#')"));
    // What is not applied is not lost to a step.
    browser.press_with(&[Held::Control, Held::Alt, Held::Shift], Key::Letter('z'));
    browser.wait("document.querySelector('#text-panel .state').textContent.includes('first')");
    browser.press_with(&[Held::Control], Key::Letter('z'));
    browser.wait(&format!("{FIELD}.value.startsWith('auralis')"));
    assert_eq!(server.get("/api/v1/graph")["edition"].as_u64(), edition);
    // A revert can itself be taken back in the field.
    browser.press(Key::Letter('#'));
    browser.click("#text-panel .revert");
    browser.wait(&format!("{FIELD}.value.startsWith('auralis')"));
    browser.click("#text");
    browser.press_with(&[Held::Control], Key::Letter('z'));
    browser.wait(&format!("{FIELD}.value.includes('#')"));
    console_is_silent(&browser);
}

#[test]
fn a_node_leads_to_its_text_and_a_mistake_marks_its_node() {
    let _turn = Turn::take();
    let server = Server::start(&[("tone", &tone("", ""))]);
    let browser = Browser::start(Screen::Desktop);
    unfold(&browser, &server);
    let at = |words: &str| {
        format!(
            "document.activeElement === {FIELD} && {FIELD}.value.slice({FIELD}.selectionStart).startsWith({})",
            json!(words)
        )
    };
    browser.click("[data-node=place]");
    browser.wait(&at("place: {"));
    browser.wait("document.querySelector('.node.pointed').dataset.node === 'place'");
    // By keys: one stop for the tabulator, arrows from node to node.
    assert_eq!(browser.number("document.querySelectorAll('.node[tabindex=\"0\"]').length"), 1.0);
    browser.script("document.querySelector('[data-node=tone]').focus()");
    browser.press(Key::Down);
    browser.wait("document.activeElement.dataset.node === 'place'");
    browser.press(Key::Down);
    browser.wait("document.activeElement.dataset.node === 'out'");
    browser.wait("document.activeElement.getAttribute('aria-label').startsWith('out, output, from place')");
    browser.press(Key::Space);
    browser.wait(&at("out: {"));
    assert_eq!(browser.value(&stat("playing")), false, "the space bar chose the node and did no more");

    // Places and marks are those of what is written, not of what plays.
    write(&browser, "nodes:", "# One\n# Two\nnodes:");
    write(&browser, "type: pan", "type: pant");
    browser.wait("document.querySelector('[data-node=place]').dataset.mark === 'error'");
    browser.wait("document.querySelector('[data-node=place]').getAttribute('aria-label').includes('pant')");
    assert_eq!(browser.number("document.querySelectorAll('[data-mark]').length"), 1.0);
    browser.click("[data-node=tone]");
    browser.wait(&at("tone: {"));
    browser.click("#text-panel .revert");
    browser.wait("document.querySelector('[data-mark]') === null");
    assert_eq!(nameless(&browser), json!([]));
    let said = browser.log();
    assert!(said.iter().all(|line| line.contains("422")), "{said:?}");
}

#[test]
fn thousands_of_nodes_do_not_choke_the_page() {
    let _turn = Turn::take();
    let chains: String = (0..600)
        .map(|chain| {
            let gain = |nth: usize, from: &str| format!("  g{chain}_{nth}: {{ type: gain, in: {from} }}\n");
            let mut nodes = gain(0, "tone");
            (1..5).for_each(|nth| nodes.push_str(&gain(nth, &format!("g{chain}_{}", nth - 1))));
            nodes
        })
        .collect();
    let out: String = (0..600).map(|chain| format!(", {{ from: g{chain}_4, gain: -60 dB }}")).collect();
    let server = Server::start(&[("tone", &tone(&chains, &out))]);
    let browser = Browser::start(Screen::Desktop);
    unfold(&browser, &server);
    browser.wait(&format!("{} === -12", level("tone")));
    let drawn = browser.number("document.querySelectorAll('.node, .wire').length");
    assert!(drawn < 1200.0, "{drawn} of 3,004 nodes and 3,602 lines are in the page");
    browser.script(
        "window.frames = 0; const count = () => { window.frames += 1; requestAnimationFrame(count); }; count();",
    );
    std::thread::sleep(Duration::from_secs(4));
    let frames = browser.number("window.frames");
    assert!(frames > 40.0, "{frames} pictures in four seconds");
    // What comes into view is drawn, with its level.
    let view = "document.querySelector('.patch-view')";
    let first = browser.value("document.querySelector('.node:last-child').dataset.node");
    browser.script(&format!("{view}.scrollLeft = {view}.scrollWidth / 2 + 3000"));
    browser.wait("document.querySelectorAll('.node').length > 4");
    browser
        .wait(&format!("document.querySelector('[data-node={}]') === null", first.as_str().expect("a name")));
    browser.wait(
        "[...document.querySelectorAll('.node .level')].filter(e => e.textContent === '\\u221212\\u202fdB').length > 3",
    );
    console_is_silent(&browser);
}

#[test]
fn the_pane_fits_a_phone_and_stands_still_for_who_wants_no_motion() {
    let _turn = Turn::take();
    let server = Server::start(&[("tone", &tone("", ""))]);
    let browser = Browser::start(Screen::Phone(320));
    unfold(&browser, &server);
    browser.script("document.querySelector('.patch').scrollIntoView()");
    browser.wait(&format!("{} === -12", level("tone")));
    assert_eq!(browser.number("document.documentElement.scrollWidth"), 320.0, "it can be scrolled sideways");
    write(&browser, "name: Test Tone", "name: Other Tone");
    let reached = browser.number(&format!("{REACHABLE}.filter(e => e.closest('#text-panel')).length"));
    assert!(reached >= 3.0, "{reached}");
    assert_eq!(too_small(&browser), json!([]), "smaller than a finger");
    browser.reduce_motion();
    std::thread::sleep(Duration::from_secs(2));
    browser.script(
        "window.changes = 0; new MutationObserver(() => { window.changes += 1; }).observe(
            document.querySelector('[data-node=tone] .bar'), { attributes: true })",
    );
    for value in [-20, -30, -20, -30, -20, -30, -20, -30] {
        server.control(&json!({ "params": { "level": value } }));
        std::thread::sleep(Duration::from_millis(500));
    }
    let changes = browser.number("window.changes");
    assert!((1.0..=10.0).contains(&changes), "{changes} changes in four seconds");
    console_is_silent(&browser);
}
