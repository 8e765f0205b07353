//! Listeners by the thousand on loopback: what they cost, what they hear, and how soon. The server has one core, the
//! crowd another. `AURALIS_CROWD` names another number of listeners than the usual ones.

mod bare;
#[path = "../measure/bytes.rs"]
mod bytes;
mod controls;
mod icecast;
mod listeners;

use auralis_tests::{agent, program};
use bytes::Bytes;
use controls::{Hand, TONE};
use criterion::{Criterion, criterion_group, criterion_main};
use listeners::{Crowd, Heard, Way};
use serde_json::Value as Json;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Time over which a crowd listens.
const WHILE: Duration = Duration::from_secs(20);
/// Radio players that are compared.
const PLAYERS: usize = 500;
/// Bytes of a tenth of a second: of Opus at 128 kbit/s, and of 16-bit samples as base64.
const OPUS: usize = 1_600;
const JSON: usize = 25_600;

/// A server on the first core.
struct Served {
    child: Child,
    address: SocketAddr,
    _home: TempDir,
}

/// What a crowd cost.
#[derive(Clone, Copy)]
struct Cost {
    heard: Heard,
    /// Processor time of a listener's second, in us.
    micros: f64,
    /// Memory of a listener, in bytes.
    bytes: f64,
    /// Those who had their first chunks in time, and after how many seconds the last of them.
    there: usize,
    join: f64,
}

impl Served {
    /// `auralis serve`.
    fn station(arguments: &[&str]) -> Self {
        let home = TempDir::new().expect("a folder");
        std::fs::write(home.path().join("tone.yaml"), TONE).expect("a preset is written");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = free.expect("a port is free");
        let mut command = Command::new(program());
        command
            .args(["serve", "--host", "127.0.0.1", "--threads", "1", "--max-clients", "20000"])
            .args(["--port", &address.port().to_string()])
            .args(arguments)
            .current_dir(home.path())
            .env("XDG_DATA_HOME", home.path())
            .env("XDG_STATE_HOME", home.path().join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = on_core(&mut command, 0).spawn().expect("the program starts");
        let station = Self { child, address, _home: home };
        station.answers();
        // The first chunks are behind it.
        std::thread::sleep(Duration::from_secs(2));
        station
    }

    /// Waits until it does.
    fn answers(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(self.address).is_err() {
            assert!(Instant::now() < deadline, "the server does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Processor time of all its threads.
    fn time(&self) -> Duration {
        processor_time(&self.child.id().to_string())
    }

    fn resident_bytes(&self) -> f64 {
        let status = of_process(&self.child.id().to_string(), "status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
        kilobytes.expect("the kernel says how much") * 1024.0
    }
}

/// What the system says of a process, or of a thread.
fn of_process(who: &str, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{who}/{file}")).expect("it runs, on Linux")
}

/// Processor time of a process, or of a thread.
fn processor_time(who: &str) -> Duration {
    let stat = of_process(who, "stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
    // SAFETY: a question without arguments that could be wrong.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as u64;
    Duration::from_millis(ticks * 1000 / per_second)
}

impl Drop for Served {
    fn drop(&mut self) {
        // Both fail only where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps a program on one core, with as many files as the system allows.
fn on_core(command: &mut Command, core: usize) -> &mut Command {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec only system calls are made.
    unsafe { command.pre_exec(move || pin(core)) }
}

fn pin(core: usize) -> std::io::Result<()> {
    // SAFETY: a set of processors is plain bits, and the kernel reads ours.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        if libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) != 0 {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Lets this process have as many connections as the system allows.
fn many_files() {
    // SAFETY: the kernel writes and reads one limit, and ours is one.
    unsafe {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// What a crowd of so many, all at once, costs a server, by those whom it lets in within five minutes.
fn crowd(server: &Served, what: &str, way: Way, path: &str, count: usize) -> Cost {
    let before = server.resident_bytes();
    let mut crowd = Crowd::join(server.address, way, std::iter::repeat_n(path.to_string(), count));
    let (there, join) = crowd.until_all_have(3, Duration::from_secs(300));
    crowd.listen(Duration::from_secs(3));
    let (time, at) = (server.time(), Instant::now());
    let heard = crowd.listen(WHILE);
    let spent = (server.time() - time).as_secs_f64() / at.elapsed().as_secs_f64();
    let cost = Cost {
        heard,
        micros: spent * 1e6 / there as f64,
        bytes: (server.resident_bytes() - before) / there as f64,
        there,
        join: join.as_secs_f64(),
    };
    let Heard { listeners, gaps, longest, late_p99 } = heard;
    eprintln!(
        "{count} listeners of {what}: {:.1} us each second, {:.1} kB each, {there} there after {:.2} s; {listeners} stayed, \
         {gaps} had gaps above 200 ms, the longest {longest:.0} ms, 99 of 100 chunks within {late_p99:.1} ms",
        cost.micros,
        cost.bytes / 1024.0,
        cost.join
    );
    cost
}

/// As many private stations of the default preset as one core is said to hold, each with its listener. Returns those
/// that were heard without a gap.
fn private() -> usize {
    let station = Served::station(&["--private-stations", "500"]);
    let url = format!("http://{}/api/v1/stations", station.address);
    let make = || {
        let mut answer = agent().post(&url).send("{}").expect("the station answers");
        let said: Json = answer.body_mut().read_json().expect("the answer is JSON");
        said["ws"].as_str().map(|path| format!("{path}?format=opus"))
    };
    let mut crowds = Vec::new();
    // One after the other, as listeners come: each is measured before the next is let in.
    while let Some(path) = make() {
        let mut crowd = Crowd::join(station.address, Way::Socket, std::iter::once(path));
        assert_eq!(crowd.until_all_have(1, Duration::from_secs(5)).0, 1, "a private station is heard");
        crowds.push(crowd);
    }
    // All at once, so that each is read while it is measured.
    let listen = |mut crowd: Crowd| std::thread::spawn(move || crowd.listen(WHILE));
    let threads: Vec<_> = crowds.into_iter().map(listen).collect();
    let heard: Vec<Heard> = threads.into_iter().filter_map(|thread| thread.join().ok()).collect();
    let clean = heard.iter().filter(|heard| heard.listeners == 1 && heard.gaps == 0).count();
    eprintln!("{} private stations were let in, {clean} of them were heard without a gap", heard.len());
    clean
}

/// What a second, a millisecond and a microsecond are to the table, which counts in nanoseconds.
const SECOND: f64 = 1e9;
const MILLISECOND: f64 = 1e6;
const MICROSECOND: f64 = 1e3;

/// Hands over what was measured already, over all of its time.
fn report(criterion: &mut Criterion<Bytes>, name: &str, value: f64) {
    criterion
        .benchmark_group("crowd")
        .bench_function(name, |bencher| bencher.iter_custom(|runs| value * runs as f64));
}

fn measure(criterion: &mut Criterion<Bytes>) {
    many_files();
    pin(1).expect("there is a second core");
    // Radio players, and as many at the peer's.
    let cost = crowd(&Served::station(&[]), "players", Way::Player, "/stream.opus", PLAYERS);
    assert_eq!(cost.there, PLAYERS, "all of them play");
    report(criterion, "players, us", cost.micros * MICROSECOND);
    if let Some(icecast) = icecast::start() {
        let cost = crowd(&icecast, "icecast", Way::Player, icecast::STREAM, PLAYERS);
        report(criterion, "Icecast, 500 players of MP3", cost.micros * MICROSECOND);
        report(criterion, "Icecast, a player", cost.bytes);
        if cost.there == PLAYERS {
            report(criterion, "Icecast, 500 players", cost.join * SECOND);
        }
    }
    let station = Served::station(&["tone.yaml"]);
    let (update, sound) = Hand::new(station.address).times();
    drop(station);
    eprintln!("a control to its update {update:?}, to its sound {sound:?}");
    report(criterion, "control to update", update.as_secs_f64() * SECOND);
    report(criterion, "control to sound", sound.as_secs_f64() * SECOND);
    report(criterion, "private", private() as f64);
    let asked = std::env::var("AURALIS_CROWD").ok().and_then(|count| count.parse().ok());
    let socket = |format: &str| format!("/ws/stream?format={format}");
    let crowds = [("opus", 10_000, Some(OPUS)), ("json", 5_000, Some(JSON)), ("pcm16", 1_000, None)];
    for (format, usual, bytes) in crowds {
        let count = asked.unwrap_or(usual);
        let cost = crowd(&Served::station(&[]), format, Way::Socket, &socket(format), count);
        assert_eq!(cost.there, count, "all of them play");
        report(criterion, &format!("{format} {count}, us"), cost.micros * MICROSECOND);
        report(criterion, &format!("{format} {count}, bytes"), cost.bytes);
        report(criterion, &format!("{format} {count}, gaps"), cost.heard.gaps as f64);
        report(criterion, &format!("{format} {count}, join"), cost.join * SECOND);
        report(criterion, &format!("{format} {count}, late"), cost.heard.late_p99 * MILLISECOND);
        if let Some(bytes) = bytes {
            let spent = bare::micros(bytes);
            report(criterion, &format!("bare sends of {bytes} bytes"), spent * MICROSECOND);
        }
    }
}

fn once() -> Criterion<Bytes> {
    Criterion::default()
        .with_measurement(Bytes)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(1))
        .measurement_time(Duration::from_millis(10))
        .without_plots()
}

criterion_group! { name = figures; config = once(); targets = measure }
criterion_main!(figures);
