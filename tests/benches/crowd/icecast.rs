//! The peer: Icecast (Debian's package `icecast2`), which hands on what a source sends to it.

use super::{Served, on_core};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where its stream is.
pub const STREAM: &str = "/tone.mp3";
/// Bytes of a tenth of a second at 128 kbit/s.
const PIECE: usize = 1600;

/// Starts it on the first core, with a source; none where it is not installed.
pub fn start() -> Option<Served> {
    if !Path::new("/usr/bin/icecast2").exists() {
        eprintln!("icecast2 is not installed: the peer is left out");
        return None;
    }
    let home = TempDir::new().expect("a folder");
    let folder = home.path().display();
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let address = free.expect("a port is free");
    let config = format!(
        "<icecast><limits><clients>20000</clients><sources>2</sources></limits><authentication>\
         <source-password>source</source-password><admin-user>admin</admin-user><admin-password>admin</admin-password>\
         </authentication><hostname>localhost</hostname><listen-socket><port>{}</port>\
         <bind-address>127.0.0.1</bind-address></listen-socket><paths><logdir>{folder}</logdir>\
         <webroot>/usr/share/icecast2/web</webroot><adminroot>/usr/share/icecast2/admin</adminroot></paths>\
         <security><changeowner><user>nobody</user><group>nogroup</group></changeowner></security></icecast>",
        address.port()
    );
    let file = home.path().join("icecast.xml");
    std::fs::write(&file, config).expect("its configuration is written");
    // It does not run as root, and keeps its log there.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(home.path(), open).expect("the folder is ours");
    let mut command = Command::new("/usr/bin/icecast2");
    command.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = on_core(&mut command, 0).spawn().expect("it starts");
    let served = Served { child, address, _home: home };
    served.answers();
    feed(address);
    Some(served)
}

/// Sends it as many bytes as a stream of MP3 has, for as long as it runs: it hands them on as they are.
fn feed(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!(
        "PUT {STREAM} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic c291cmNlOnNvdXJjZQ==\r\n\
         Content-Type: audio/mpeg\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut answer = [0; 256];
    let length = stream.read(&mut answer).expect("it answers");
    assert!(answer[..length].starts_with(b"HTTP/1.1 100"), "it refuses the source");
    std::thread::spawn(move || {
        let mut due = Instant::now();
        while stream.write_all(&[0x55; PIECE]).is_ok() {
            due += Duration::from_millis(100);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    });
}
