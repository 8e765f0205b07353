//! A real Chromium, driven by WebDriver (W3C) over plain HTTP.

use crate::http::agent;
use crate::text::wait_for_line;
use base64::Engine;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long the page may take for anything, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(45);
/// Between two looks.
const GLANCE: Duration = Duration::from_millis(100);
/// The key under which WebDriver keeps the reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The size of what the page is seen on.
#[derive(Debug, Clone, Copy)]
pub enum Screen {
    /// 1280 x 800.
    Desktop,
    /// A phone with so many CSS pixels from side to side, touched by fingers.
    Phone(u32),
}

/// A key of the keyboard, as WebDriver writes it.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    /// The tabulator.
    Tab,
    /// The space bar.
    Space,
    /// Enter.
    Enter,
    /// To the right.
    Right,
    /// Downwards.
    Down,
    /// To the first value.
    Home,
    /// To the last value.
    End,
    /// A letter.
    Letter(char),
}

impl Key {
    fn code(self) -> char {
        match self {
            Key::Tab => '\u{e004}',
            Key::Space => ' ',
            Key::Enter => '\u{e007}',
            Key::Right => '\u{e014}',
            Key::Down => '\u{e015}',
            Key::Home => '\u{e011}',
            Key::End => '\u{e010}',
            Key::Letter(letter) => letter,
        }
    }
}

/// A key that is held while another is pressed.
#[derive(Debug, Clone, Copy)]
pub enum Held {
    /// Shift.
    Shift,
    /// Control.
    Control,
    /// Alt.
    Alt,
}

impl Held {
    fn code(self) -> char {
        match self {
            Held::Shift => '\u{e008}',
            Held::Control => '\u{e009}',
            Held::Alt => '\u{e00a}',
        }
    }
}

/// A browser with one page, without a profile, which ends when it is dropped.
pub struct Browser {
    driver: Child,
    agent: ureq::Agent,
    session: String,
    _profile: TempDir,
}

fn program(variable: &str, names: &[&str]) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let found = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "the browser test needs {}: install Chromium and its driver (Debian: `apt install chromium \
             chromium-driver`), or name the programs by CHROMIUM and CHROMEDRIVER",
            names.join(" or ")
        )
    })
}

/// Starts the driver, and says at which port it listens; none where it has found none.
fn drive() -> Option<(Child, u16)> {
    let mut driver = Command::new(program("CHROMEDRIVER", &["chromedriver"]))
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver does not start");
    let stdout = driver.stdout.take().expect("its standard output is a pipe");
    let ready = wait_for_line(stdout, |line| match line.split_once("successfully on port ") {
        Some((_, port)) => Some(port.trim_end_matches('.').parse::<u16>().ok()),
        None => line.contains("port not available").then_some(None),
    });
    match ready.found {
        Some(port) => Some((driver, port)),
        None => {
            driver.wait().expect("chromedriver does not end");
            None
        }
    }
}

impl Browser {
    /// Starts a browser. `http://radio.test` leads it to this machine, by a name that is not local.
    ///
    /// # Panics
    /// Chromium or its driver is missing or does not start.
    pub fn start(screen: Screen) -> Self {
        let chromium = program("CHROMIUM", &["chromium", "chromium-browser", "google-chrome"]);
        // Now and then it chooses a port for IPv6 that somebody else has for IPv4, and gives up.
        let started = std::iter::repeat_with(drive).take(10).flatten().next();
        let (driver, port) = started.expect("chromedriver does not find a port");
        let profile = TempDir::new().expect("no temporary folder");
        let mut browser = Self {
            driver,
            agent: agent(),
            session: format!("http://127.0.0.1:{port}/session"),
            _profile: profile,
        };
        let options = options(screen, &chromium, &browser._profile);
        let session = browser.post("", &json!({ "capabilities": { "alwaysMatch": options } }));
        let id = session["sessionId"].as_str().expect("a session has a name");
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    fn post(&self, path: &str, body: &Json) -> Json {
        let answer = self.agent.post(format!("{}{path}", self.session)).send_json(body);
        let mut answer = answer.expect("chromedriver does not answer");
        let mut answer: Json = answer.body_mut().with_config().limit(64 << 20).read_json().expect("no JSON");
        let value = answer["value"].take();
        assert!(value.get("error").is_none(), "{path} {body}: {value:#}");
        value
    }

    /// Loads a page.
    pub fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Runs a script in the page, and gives what it returns.
    ///
    /// # Panics
    /// It throws.
    pub fn script(&self, script: &str) -> Json {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The value of an expression in the page.
    pub fn value(&self, expression: &str) -> Json {
        self.script(&format!("return {expression}"))
    }

    /// A number in the page.
    ///
    /// # Panics
    /// It is none.
    pub fn number(&self, expression: &str) -> f64 {
        let value = self.value(expression);
        value.as_f64().unwrap_or_else(|| panic!("{expression} is {value}"))
    }

    /// Waits until an expression in the page is true.
    ///
    /// # Panics
    /// It does not become true; the message has the page's figures and the place of a picture of it.
    pub fn wait(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.value(expression) != json!(true) {
            if Instant::now() > deadline {
                let stats = self.value("window.auralis?.stats()");
                panic!(
                    "never true: {expression}\n{stats:#}\n{:#?}\n{}",
                    self.log(),
                    self.picture().display()
                );
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// A picture of the page, in a file.
    fn picture(&self) -> PathBuf {
        let path = std::env::temp_dir().join(format!("auralis-page-{}.png", std::process::id()));
        let answer = self.agent.get(format!("{}/screenshot", self.session)).call();
        let answer: Option<Json> = answer
            .ok()
            .and_then(|mut answer| answer.body_mut().with_config().limit(64 << 20).read_json().ok());
        let bytes = answer.and_then(|answer| {
            base64::engine::general_purpose::STANDARD.decode(answer["value"].as_str()?).ok()
        });
        std::fs::write(&path, bytes.unwrap_or_default()).expect("the picture cannot be written");
        path
    }

    fn element(&self, css: &str) -> Json {
        self.post("/element", &json!({ "using": "css selector", "value": css }))
    }

    /// Clicks in the middle of an element, as a pointer does: what lies over it gets the click.
    pub fn click(&self, css: &str) {
        let element = self.element(css);
        let id = element[ELEMENT].as_str().expect("an element has a name");
        self.post(&format!("/element/{id}/click"), &json!({}));
    }

    /// Presses a key, wherever the focus is.
    pub fn press(&self, key: Key) {
        self.press_with(&[], key);
    }

    /// Presses a key while others are held.
    pub fn press_with(&self, held: &[Held], key: Key) {
        let codes: Vec<char> = held.iter().map(|held| held.code()).chain([key.code()]).collect();
        let down = codes.iter().map(|code| json!({ "type": "keyDown", "value": code }));
        let up = codes.iter().rev().map(|code| json!({ "type": "keyUp", "value": code }));
        let actions: Json = down.chain(up).collect();
        self.post("/actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] }));
    }

    /// Drags from one place of an element to another; places count from its left edge (0) to its right (1).
    pub fn drag(&self, css: &str, from: f64, to: f64) {
        let element = self.element(css);
        let width = self.number(&format!("document.querySelector({css:?}).getBoundingClientRect().width"));
        let goto = |place: f64, duration: u32| {
            // WebDriver counts from the middle.
            let x = ((place - 0.5) * width).round() as i64;
            json!({ "type": "pointerMove", "origin": element, "x": x, "y": 0, "duration": duration })
        };
        let actions = json!([
            goto(from, 0),
            { "type": "pointerDown", "button": 0 },
            goto(to, 400),
            { "type": "pointerUp", "button": 0 },
        ]);
        self.post(
            "/actions",
            &json!({ "actions": [{ "type": "pointer", "id": "mouse", "actions": actions }] }),
        );
    }

    /// Pretends that the user asked the system for less motion.
    pub fn reduce_motion(&self) {
        let features = json!([{ "name": "prefers-reduced-motion", "value": "reduce" }]);
        let command = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        self.post("/goog/cdp/execute", &command);
    }

    /// Forgets what pages have stored in cookies, such as their user's token.
    pub fn forget_cookies(&self) {
        self.post("/goog/cdp/execute", &json!({ "cmd": "Network.clearBrowserCookies", "params": {} }));
    }

    /// Runs a script in every page that is opened from now on, before anything of its own.
    pub fn before_pages(&self, script: &str) {
        let command =
            json!({ "cmd": "Page.addScriptToEvaluateOnNewDocument", "params": { "source": script } });
        self.post("/goog/cdp/execute", &command);
    }

    /// What the browser said on its console since it was asked last.
    pub fn log(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({ "type": "browser" }));
        let text = |entry: &Json| format!("{} {}", entry["level"], entry["message"]);
        entries.as_array().map(|entries| entries.iter().map(text).collect()).unwrap_or_default()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Where the driver is gone, so is the browser.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn options(screen: Screen, chromium: &std::path::Path, profile: &TempDir) -> Json {
    let profile = format!("--user-data-dir={}", profile.path().display());
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--no-proxy-server",
        "--host-resolver-rules=MAP radio.test 127.0.0.1",
        "--window-size=1280,800",
        &profile,
    ];
    let mut chrome = json!({ "binary": chromium, "args": arguments });
    if let Screen::Phone(width) = screen {
        let metrics =
            json!({ "width": width, "height": 640, "pixelRatio": 2, "touch": true, "mobile": true });
        chrome["mobileEmulation"] = json!({ "deviceMetrics": metrics });
    }
    json!({ "browserName": "chrome", "goog:chromeOptions": chrome, "goog:loggingPrefs": { "browser": "ALL" } })
}
