//! A display that nobody sees, with a window manager, and pictures of it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// An X server; it ends with this.
pub struct Display {
    server: Child,
    manager: Child,
    /// What the window manager goes on saying: nobody who writes to it is to find it closed.
    _said: BufReader<ChildStdout>,
    name: String,
}

impl Default for Display {
    fn default() -> Self {
        Self::new()
    }
}

impl Display {
    /// An empty display of 1,600 by 1,000.
    ///
    /// # Panics
    /// Xvfb or openbox are not there.
    pub fn new() -> Self {
        let mut server = Command::new("Xvfb");
        // It looks for a number that is free, and writes it once it can be spoken to.
        server.args(["-displayfd", "1", "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]);
        server.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = server.spawn().expect("Xvfb starts");
        let mut number = String::new();
        let said = server.stdout.take().expect("its standard output is a pipe");
        BufReader::new(said).read_line(&mut number).expect("Xvfb says its number");
        let name = format!(":{}", number.trim());
        let mut manager = Command::new("openbox");
        // Windows that open before it manages them find no names for what they want of it.
        manager.args(["--startup", "echo ready"]).env("DISPLAY", &name);
        manager.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut manager = manager.spawn().expect("openbox starts");
        let mut said = BufReader::new(manager.stdout.take().expect("its standard output is a pipe"));
        let ready = said.by_ref().lines().map_while(Result::ok).any(|line| line == "ready");
        assert!(ready, "openbox does not start");
        Self { server, manager, _said: said, name }
    }

    /// What programs on it are told as `DISPLAY`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes a picture of what is on it, as PNG, without the empty borders. Gives its width, its height and how many
    /// colours it has.
    ///
    /// # Panics
    /// xwd or ImageMagick are not there, or fail.
    pub fn picture(&self, file: &Path) -> [u32; 3] {
        let dump = file.with_extension("xwd");
        let taken = Command::new("xwd")
            .args(["-root", "-silent", "-display", &self.name, "-out"])
            .arg(&dump)
            .status();
        assert!(taken.expect("xwd starts").success(), "xwd fails");
        let from = format!("xwd:{}", dump.display());
        let mut convert = Command::new("convert");
        convert.args([&from, "-trim", "+repage", "-write"]).arg(file).args(["-format", "%w %h %k", "info:"]);
        convert.stderr(Stdio::null());
        let said = convert.output().expect("ImageMagick's convert starts");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let mut numbers = said.split_whitespace().map(|number| number.parse().unwrap_or(0));
        std::array::from_fn(|_| numbers.next().unwrap_or(0))
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        for child in [&mut self.manager, &mut self.server] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
