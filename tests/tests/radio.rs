//! Radio players hear the station over plain HTTP.

use auralis_tests::ears::{self, left, pitch, rms, samples, sharpest};
use auralis_tests::{Listener, Server, Tokens};
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A tone at -20 dB, and hardly anything besides.
const TONE: &str = "auralis: 1
name: Tone
author: Ann
description: It sounds
tags: [test, steady]
tempo: 120
key: A minor
nodes:
  composer: { type: composer, phrase: 8 bars }
  voice: { type: synth, in: composer.chords, voices: 4, gain: -90 dB }
  tone: { type: oscillator, frequency: 440 Hz, gain: -20 dB }
  out: { type: output, in: [tone, voice] }
";

/// Paths, what ffprobe says of them, and the content type.
const STREAMS: [(&str, &str, &str); 5] = [
    ("/stream.opus", "opus,48000,2", "audio/ogg"),
    ("/stream.ogg", "opus,48000,2", "audio/ogg"),
    ("/stream.flac", "flac,44100,2", "audio/flac"),
    ("/stream.oga", "flac,44100,2", "audio/ogg"),
    ("/stream.wav", "pcm_s16le,44100,2", "audio/wav"),
];

fn tone() -> Server {
    Server::start(&[("tone", TONE)])
}

/// Holds that this is the tone, without a click.
#[track_caller]
fn is_tone(sound: &[i16], rate: f64, hz: f64, what: &str) {
    // A decoder of Opus begins with silence, and is exact a little later.
    let sound = &left(sound)[rate as usize / 4..];
    let (level, found) = (rms(sound), pitch(sound, rate));
    assert!((0.069..0.073).contains(&level), "{what}: level {level}");
    assert!((found / hz - 1.0).abs() < 0.01, "{what}: {found} Hz");
    let bend = 0.1 * (std::f64::consts::TAU * hz / rate).powi(2) as f32;
    let most = if rate == 48_000.0 { bend * 2.0 + 0.001 } else { bend + 0.0002 };
    assert!(sharpest(sound) < most, "{what} clicks: {} of {most}", sharpest(sound));
}

/// A connection with a request on its way.
fn ask(server: &Server, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("the station listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.replace('\n', "\r\n").as_bytes()).unwrap();
    stream
}

fn get(server: &Server, path: &str, more: &str) -> TcpStream {
    ask(server, &format!("GET {path} HTTP/1.0\nHost: radio.example:8000\n{more}\n"))
}

/// The head of an answer: its first line, and the value of a header.
struct Head(String);

impl Head {
    fn read(stream: &mut TcpStream) -> Self {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("an answer has a head");
            head.push(byte[0]);
        }
        Self(String::from_utf8(head).unwrap())
    }

    fn status(&self) -> &str {
        self.0.split(' ').nth(1).unwrap()
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut lines = self.0.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

fn text(mut stream: TcpStream) -> (Head, String) {
    let head = Head::read(&mut stream);
    let mut body = String::new();
    stream.read_to_string(&mut body).unwrap();
    (head, body)
}

fn take(stream: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut taken = vec![0; bytes];
    stream.read_exact(&mut taken).expect("the stream goes on");
    taken
}

fn listeners(server: &Server) -> u64 {
    server.get("/api/v1/status")["active_clients"].as_u64().unwrap()
}

#[track_caller]
fn until(patience: u64, what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(patience), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// All streams with ffmpeg and mpv at once: they play at the pace of the clock.
fn all_play(server: &Server, when: &str) {
    std::thread::scope(|scope| {
        for (path, is, _) in STREAMS {
            let (url, what) = (server.url(path), format!("{path}, {when}"));
            scope.spawn(move || {
                assert_eq!(ears::ffprobe(&url), is, "{what}");
                let rate = if is.starts_with("opus") { 48_000.0 } else { 44_100.0 };
                let heard = ears::ffmpeg(&url, 5.0);
                assert!(heard.len() as f64 / 2.0 / rate > 4.8, "{what}: {} samples", heard.len());
                is_tone(&heard, rate, 440.0, &format!("{what}, ffmpeg"));
                is_tone(&ears::mpv(&url, 5.0), rate, 440.0, &format!("{what}, mpv"));
            });
        }
    });
}

#[test]
fn ffmpeg_and_mpv_play_every_stream_from_the_start_and_joined() {
    let server = tone();
    all_play(&server, "from the start");
    // The encoders have been at work, and rested a while.
    std::thread::sleep(Duration::from_secs(4));
    all_play(&server, "joined");
    until(5, "players that are gone still count", || listeners(&server) == 0);
}

#[test]
fn players_are_told_what_they_get_and_get_it_at_once() {
    let server = tone();
    std::thread::sleep(Duration::from_secs(3));
    for (path, _, kind) in STREAMS {
        let begun = Instant::now();
        let mut stream = get(&server, path, "");
        let head = Head::read(&mut stream);
        assert_eq!((head.status(), head.get("content-type")), ("200", Some(kind)), "{path}");
        for (name, value) in [
            ("cache-control", Some("no-store")),
            ("accept-ranges", Some("none")),
            ("icy-name", Some("tone")),
            ("icy-description", Some("It sounds")),
            ("icy-genre", Some("test, steady")),
            ("icy-metaint", None),
            // For HTTP/1.0 the sound is all that there is, and nobody knows its end.
            ("transfer-encoding", None),
            ("content-length", None),
        ] {
            assert_eq!(head.get(name), value, "{path}: {name}");
        }
        let magic = take(&mut stream, 4);
        let (wanted, bits, a_second) = match kind {
            "audio/wav" => (b"RIFF", Some("1411"), 176_400),
            "audio/flac" => (b"fLaC", None, 8_000),
            _ if path == "/stream.oga" => (b"OggS", None, 8_000),
            _ => (b"OggS", Some("128"), 14_000),
        };
        assert_eq!((&magic[..], head.get("icy-br")), (&wanted[..], bits), "{path}");
        // More than a second of sound, so that a player need not wait.
        take(&mut stream, a_second);
        assert!(begun.elapsed() < Duration::from_secs(1), "{path}: {:?}", begun.elapsed());

        let asked = format!("HEAD {path} HTTP/1.1\nHost: x\nConnection: close\n\n");
        let (head, body) = text(ask(&server, &asked));
        assert_eq!((head.status(), head.get("content-type"), body.as_str()), ("200", Some(kind), ""));
    }
    until(5, "who only asked for the head listens", || listeners(&server) == 0);
    let head = Head::read(&mut ask(&server, "GET /stream.opus HTTP/1.1\nHost: x\nRange: bytes=0-\n\n"));
    assert_eq!((head.status(), head.get("transfer-encoding")), ("200", Some("chunked")));
    let tags = ears::ffprobe_tags(&server.url("/stream.opus"));
    for tag in ["TAG:TITLE=Tone", "TAG:ARTIST=Ann", "TAG:ORGANIZATION=tone"] {
        assert!(tags.to_lowercase().contains(&tag.to_lowercase()), "{tag}: {tags}");
    }
}

#[test]
fn titles_come_between_the_bytes_and_say_what_plays() {
    let server = tone();
    let mut stream = get(&server, "/stream.wav", "Icy-MetaData: 1\n");
    let head = Head::read(&mut stream);
    let every: usize = head.get("icy-metaint").expect("titles").parse().unwrap();
    let (mut sound, mut titles) = (Vec::new(), Vec::<String>::new());
    let begun = Instant::now();
    let mut asked = false;
    // A phrase is 16 seconds long.
    while !titles.last().is_some_and(|title| title.contains(", 90 BPM, ")) {
        assert!(begun.elapsed() < Duration::from_secs(40), "{titles:?}");
        sound.extend(take(&mut stream, every));
        let units = usize::from(take(&mut stream, 1)[0]);
        if units > 0 {
            let block = take(&mut stream, units * 16);
            titles.push(String::from_utf8(block).unwrap().trim_end_matches('\0').to_string());
        }
        if !std::mem::replace(&mut asked, true) {
            server.control(&json!({ "bpm": 90 }));
        }
    }
    assert_eq!(titles[0], "StreamTitle='Ann - Tone (A minor, 120 BPM, phrase 0)';");
    assert!(titles.windows(2).all(|pair| pair[0] != pair[1]), "{titles:?}");
    assert!(titles.last().unwrap().starts_with("StreamTitle='Ann - Tone (A minor, 90 BPM, phrase "));
    assert_eq!(sound[..4], *b"RIFF");
    is_tone(&samples(&sound[44..]), 44_100.0, 440.0, "what is between the titles");
}

#[test]
fn who_is_slow_loses_whole_frames_only_and_who_takes_nothing_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    // A chunk has no whole number of the tone's waves: what is left out is seen. Noise is as long in FLAC.
    let tone = TONE.replace("440 Hz", "443.7 Hz");
    let noise = tone.replace("oscillator, frequency: 443.7 Hz", "noise");
    std::fs::write(folder.path().join("tone.yaml"), tone).unwrap();
    std::fs::write(folder.path().join("surf.yaml"), noise).unwrap();
    // 768 kB a second are more than any buffer on the way holds for long.
    let rate = ["--sample-rate", "192000", "--default-station", "tone"];
    let server = Server::start_with(&[], &[&[folder.path().to_str().unwrap()][..], &rate].concat());
    let [mut idle, mut wav, mut ogg] =
        ["/stream.wav", "/stream.wav", "/s/surf/stream.oga"].map(|path| get(&server, path, ""));
    let idle_since = Instant::now();
    for stream in [&mut idle, &mut wav, &mut ogg] {
        assert_eq!(Head::read(stream).status(), "200");
    }
    std::thread::sleep(Duration::from_secs(25));
    let heard = take(&mut wav, 20 << 20);
    let frames = samples(&heard[44..]);
    // The tone is the same in both channels: anything but whole frames would mix them up.
    assert!(frames.chunks_exact(2).all(|frame| (frame[0] - frame[1]).abs() < 8), "cut within a frame");
    let jumps = left(&frames).windows(3).filter(|x| (x[0] - 2.0 * x[1] + x[2]).abs() > 0.001).count();
    assert!((1..=40).contains(&jumps), "{jumps} jumps");
    let file = folder.path().join("heard.oga");
    std::fs::write(&file, take(&mut ogg, 14 << 20)).unwrap();
    let seconds = ears::ffmpeg(file.to_str().unwrap(), 1000.0).len() / 384_000;
    assert!(seconds > 10, "{seconds} s of FLAC");
    drop((wav, ogg));
    until(90, "who takes nothing still listens", || listeners(&server) == 0);
    assert!(idle_since.elapsed() > Duration::from_secs(50), "gone after {:?}", idle_since.elapsed());
}

#[test]
fn players_count_as_listeners_and_the_house_fills() {
    let server = Server::start_with(&[("tone", TONE)], &["--max-clients", "2"]);
    let mut first = get(&server, "/stream.opus", "");
    let mut second = get(&server, "/stream.wav", "");
    assert_eq!((Head::read(&mut first).status(), Head::read(&mut second).status()), ("200", "200"));
    assert_eq!(listeners(&server), 2);
    let (head, body) = text(get(&server, "/stream.flac", ""));
    let said: Json = serde_json::from_str(&body).unwrap();
    assert_eq!((head.status(), &said["code"]), ("503", &json!("SERVER_OVERLOAD")), "{body}");
    assert_eq!(head.get("retry-after").map(str::to_string), Some(said["retry_after"].to_string()));
    let mut late = Listener::join(&server, "/ws/stream");
    assert_eq!(late.wait("error")["code"], "SERVER_OVERLOAD");
    drop(first);
    until(5, "the place is not free", || listeners(&server) == 1);
    assert_eq!(Head::read(&mut get(&server, "/stream.flac", "")).status(), "200");
}

#[test]
fn players_wake_a_station_and_playlists_lead_to_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, hz) in [("low", "220"), ("high", "880")] {
        std::fs::write(folder.path().join(format!("{name}.yaml")), TONE.replace("440", hz)).unwrap();
    }
    let server = Server::start_with(&[], &[folder.path().to_str().unwrap(), "--default-station", "low"]);
    let asleep = |server: &Server| {
        let said = server.get("/api/v1/stations");
        let mut stations = said["stations"].as_array().unwrap().iter();
        stations.find(|station| station["name"] == "high").unwrap()["asleep"] == true
    };
    until(15, "nobody hears it, and it does not sleep", || asleep(&server));
    let high = ears::ffmpeg(&server.url("/s/high/stream.flac"), 3.0);
    is_tone(&high, 44_100.0, 880.0, "a station that slept");
    is_tone(&ears::mpv(&server.url("/stream.m3u"), 4.0), 48_000.0, 220.0, "m3u");
    is_tone(&ears::mpv(&server.url("/s/high/stream.pls?format=wav"), 4.0), 44_100.0, 880.0, "pls");

    let (head, m3u) = text(get(&server, "/s/high/stream.m3u?format=flac", ""));
    assert_eq!(head.get("content-type"), Some("audio/x-mpegurl"));
    assert_eq!(m3u, "#EXTM3U\n#EXTINF:-1,Tone\nhttp://radio.example:8000/s/high/stream.flac\n");
    let (head, pls) = text(get(&server, "/stream.pls", ""));
    assert_eq!(head.get("content-type"), Some("audio/x-scpls"));
    assert!(pls.contains("\nFile1=http://radio.example:8000/stream.opus\n"), "{pls}");
    for (asked, status) in [
        ("GET /stream.m3u?format=mp3 HTTP/1.0\nHost: x\n\n", "400"),
        ("GET /stream.m3u HTTP/1.0\n\n", "400"),
        ("GET /stream.m3u HTTP/1.0\nHost: a b\n\n", "400"),
        ("GET /stream.mp4 HTTP/1.0\nHost: x\n\n", "404"),
        ("POST /stream.opus HTTP/1.0\nHost: x\n\n", "405"),
        ("GET /s/none/stream.opus HTTP/1.0\nHost: x\n\n", "404"),
    ] {
        assert_eq!(text(ask(&server, asked)).0.status(), status, "{asked}");
    }
    let (status, said) = server.ask("GET", "/stream.mp3", "");
    assert_eq!((status, &said["streams"][0]), (404, &json!("/stream.opus")), "{said}");
    let silent = Server::start_with(&[("tone", TONE)], &["--enable-opus", "false"]);
    let (status, said) = silent.ask("GET", "/stream.opus", "");
    assert_eq!((status, &said["detail"]), (404, &json!("this station sends no Opus")));
    assert_eq!(said["streams"], json!(["/stream.flac", "/stream.oga", "/stream.wav"]));
    let (_, m3u) = text(get(&silent, "/stream.m3u", ""));
    assert!(m3u.ends_with("/stream.flac\n"), "{m3u}");
}

#[test]
fn guests_bring_a_token_in_the_address_and_are_left_when_it_ends() {
    let tokens = Tokens::new("hs256");
    let server = Server::start_with(&[("tone", TONE)], &["--listen", "token", "--auth-keys", &tokens.file()]);
    assert_eq!(text(get(&server, "/stream.opus", "")).0.status(), "401");
    let token = tokens.issue("listener", &[]);
    let (_, m3u) = text(get(&server, &format!("/stream.m3u?token={token}"), ""));
    let address = m3u.lines().last().unwrap();
    assert_eq!(address, format!("http://radio.example:8000/stream.opus?token={token}"), "{m3u}");
    let path = address.strip_prefix("http://radio.example:8000").unwrap();
    assert_eq!(Head::read(&mut get(&server, path, "")).status(), "200");

    let brief = tokens.issue("listener", &["--days", "0.00002"]);
    let mut stream = get(&server, &format!("/stream.opus?token={brief}"), "");
    assert_eq!(Head::read(&mut stream).status(), "200");
    let begun = Instant::now();
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).expect("the stream ends by itself");
    assert!(begun.elapsed() < Duration::from_secs(30) && heard.len() > 16_000, "{} bytes", heard.len());
}
