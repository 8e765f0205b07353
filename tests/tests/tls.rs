//! A station behind TLS: pages, sound and events within it, certificates that are renewed while it plays, and what is no
//! handshake.
#![cfg(unix)]

use auralis_tests::presets::RAIN;
use auralis_tests::{Heard, Listener, Room, Server, Wire};
use rustls::pki_types::CertificateDer;
use serde_json::json;
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A certificate of `localhost` and its key, as PEM.
struct Issued {
    certificate: String,
    key: String,
    believed: CertificateDer<'static>,
}

fn issue() -> Issued {
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_string()]).unwrap();
    Issued {
        certificate: issued.cert.pem(),
        key: issued.signing_key.serialize_pem(),
        believed: issued.cert.der().clone(),
    }
}

/// A folder with a certificate and its key, and the arguments that name them.
fn folder(issued: &Issued) -> (Room, Vec<String>) {
    let room = Room::new();
    let certificate = room.put("certificate.pem", &issued.certificate);
    let key = room.put("key.pem", &issued.key);
    let arguments = ["--enable-ssl", "true", "--ssl-cert-path", certificate.to_str().unwrap()];
    let key = ["--ssl-key-path", key.to_str().unwrap()];
    (room, arguments.into_iter().chain(key).map(str::to_string).collect())
}

fn station(arguments: &[String], more: &[&str]) -> Server {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Server::start_with(&[("rain", RAIN)], &arguments)
}

fn secure(server: &Server, issued: &Issued) -> std::io::Result<Wire> {
    Wire::secure(TcpStream::connect(("127.0.0.1", server.port())).unwrap(), &issued.believed)
}

fn listen(server: &Server, issued: &Issued, path: &str) -> Listener {
    Listener::over(secure(server, issued).unwrap(), server, path, &[]).unwrap()
}

/// Waits until a handshake succeeds with one certificate alone.
fn wait_until_shown(server: &Server, issued: &Issued) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while secure(server, issued).is_err() {
        assert!(Instant::now() < deadline, "the new certificate is never shown");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn pages_sound_and_control_go_through_tls() {
    let issued = issue();
    let (_files, arguments) = folder(&issued);
    let server = station(&arguments, &["--chunk-duration-ms", "50"]);
    let page = secure(&server, &issued).unwrap().ask("GET /", &[], "");
    assert!(page.status == 200 && page.body.contains("<title>Auralis</title>"), "{page:?}");
    assert_eq!(page.header("strict-transport-security"), None, "in development names stay free");

    let mut json = listen(&server, &issued, "/ws/stream");
    let mut binary = listen(&server, &issued, "/ws/audio/one?format=pcm16");
    let chunks = json.chunks(20);
    assert!(chunks.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "chunk by chunk");
    assert!(chunks.iter().all(|(_, bytes)| bytes.len() == 2205 * 4));
    let mut frames = 0;
    while frames < 20 {
        frames += i32::from(matches!(binary.hear(), Heard::Binary(_)));
    }
    // Many small messages in one go, more than are heard at once.
    for time in 0..70 {
        binary.say(&json!({ "type": "ping", "client_time": time }));
    }
    binary.wait_for(|message| message["type"] == "pong" && message["client_time"] == 69);
    let update = binary.control(&json!({ "params": { "level": -20 } }));
    assert_eq!(update["params"]["level"], -20.0, "{update}");
    json.wait_for(|message| message["params"]["level"] == -20.0);
}

#[test]
fn a_slow_listener_within_tls_slows_only_itself() {
    let issued = issue();
    let (_files, arguments) = folder(&issued);
    let server = station(&arguments, &["--chunk-duration-ms", "10", "--buffer-capacity-sec", "0.5"]);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], server.port())).into()).unwrap();
    let wire = Wire::secure(TcpStream::from(socket), &issued.believed).unwrap();
    let mut slow = Listener::over(wire, &server, "/ws/audio/slow", &[]).unwrap();
    slow.wait("audio");
    let mut quick = listen(&server, &issued, "/ws/audio/quick");
    let heard = quick.chunks(1500);
    assert!(heard.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "the quick one misses nothing");
    slow.wait_for(|message| message["code"] == "BUFFER_OVERRUN");
    let chunks = slow.chunks(20);
    assert!(chunks.windows(2).all(|pair| pair[1].0 > pair[0].0), "frames stay whole");
}

#[test]
fn the_end_is_told_within_tls() {
    let issued = issue();
    let (_files, arguments) = folder(&issued);
    let mut server = station(&arguments, &[]);
    let mut listener = listen(&server, &issued, "/ws/stream");
    listener.chunks(1);
    let refused = listen(&server, &issued, "/ws/audio/not%20a%20name").wait_for_end();
    assert_eq!(refused.map(|(code, _)| code), Some(1008));
    let hearing = std::thread::spawn(move || listener.wait_for_end());
    assert_eq!(server.end("TERM").0, 0);
    assert_eq!(hearing.join().unwrap().map(|(code, _)| code), Some(1000));
}

#[test]
fn a_certificate_is_renewed_and_nobody_is_lost() {
    let (old, new, third) = (issue(), issue(), issue());
    let (files, arguments) = folder(&old);
    let server = station(&arguments, &[]);
    let mut listener = listen(&server, &old, "/ws/stream");
    let first = listener.chunks(1)[0].0;
    assert!(secure(&server, &new).is_err());

    files.put("certificate.pem", &new.certificate);
    files.put("key.pem", &new.key);
    wait_until_shown(&server, &new);
    assert!(secure(&server, &old).is_err(), "the old one is not shown any more");

    // What is no good changes nothing: neither a file that is none, nor the key of another.
    files.put("certificate.pem", "not a certificate");
    server.signal("HUP");
    server.wait_until_said(&["was read anew", "the certificate in use stays", "it must be PEM"]);
    files.put("certificate.pem", &third.certificate);
    server.wait_until_said(&["the certificate in use stays", "they do not belong together"]);
    wait_until_shown(&server, &new);

    files.put("key.pem", &third.key);
    server.signal("HUP");
    wait_until_shown(&server, &third);
    let last = listener.chunks(1)[0].0;
    let heard = listener.chunks(5);
    assert!(last > first && heard[4].0 == last + 5, "who listens does not notice");
}

#[test]
fn files_that_are_no_good_stop_the_start_with_one_line() {
    let (issued, other) = (issue(), issue());
    let (files, _) = folder(&issued);
    files.put("other.pem", &other.key);
    files.put("empty.pem", "");
    let start = |certificate: &str, key: &str| {
        let arguments = ["serve", "--port", "0", "--enable-ssl", "true", "--ssl-cert-path", certificate];
        let said = files.run(&arguments.into_iter().chain(["--ssl-key-path", key]).collect::<Vec<_>>());
        assert_eq!(said.err.trim_end().lines().count(), 1, "{}", said.err);
        said
    };
    start("none.pem", "key.pem").fails(1, &["the certificate none.pem cannot be used: No such file"]);
    start("certificate.pem", "none.pem").fails(1, &["the key none.pem cannot be used: No such file"]);
    start("empty.pem", "key.pem").fails(1, &["there is no section `BEGIN CERTIFICATE` in it"]);
    start("key.pem", "key.pem").fails(1, &["there is no section `BEGIN CERTIFICATE` in it"]);
    start("certificate.pem", "certificate.pem").fails(1, &["there is no section `BEGIN PRIVATE KEY` in it"]);
    start("certificate.pem", "other.pem")
        .fails(1, &["certificate.pem", "other.pem", "do not belong together"]);
    let said = files.run(&["serve", "--port", "0", "--enable-ssl", "true"]);
    said.fails(1, &["`--enable-ssl` needs `--ssl-cert-path` (AURALIS_SSL_CERT_PATH)"]);
}

#[test]
fn what_is_no_handshake_costs_nobody_anything() {
    let issued = issue();
    let (_files, arguments) = folder(&issued);
    let server = station(&arguments, &[]);
    let connect = || TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let begun = Instant::now();
    let mut dawdlers: Vec<TcpStream> = (0..50).map(|_| connect()).collect();
    for (turn, stream) in dawdlers.iter_mut().enumerate() {
        // The first bytes of a ClientHello, and never the rest.
        stream.write_all(&[0x16, 3, 1, 2, 0][..turn % 6]).unwrap();
    }
    let mut plain = connect();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!String::from_utf8_lossy(&said).contains("Auralis"), "nothing is said outside of TLS");
    listen(&server, &issued, "/ws/stream").chunks(5);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    for mut stream in dawdlers {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let ended = stream.read_to_end(&mut Vec::new());
        assert!(
            ended.is_ok() || ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "whoever dawdles is let go: {:?}", begun.elapsed());
}

#[test]
fn a_second_port_leads_to_https() {
    let issued = issue();
    let (_files, arguments) = folder(&issued);
    let server = station(&arguments, &["--https-redirect-port", "0"]);
    let said = server.said();
    let port = said.lines().find_map(|line| {
        line.split_once("http://localhost:")?.1.split_once(" is sent to HTTPS")?.0.parse::<u16>().ok()
    });
    let port = port.unwrap_or_else(|| panic!("no second port: {said}"));
    let answer = Wire::connect(port).ask("GET /s/a?from=3", &[("Host", "localhost:80")], "");
    let goal = format!("https://localhost:{}/s/a?from=3", server.port());
    assert_eq!((answer.status, answer.header("location")), (308, Some(goal.as_str())), "{answer:?}");
    let answer = Wire::connect(port).ask("POST /api/v1/control", &[("Host", "radio.test")], "{}");
    assert_eq!(answer.status, 308);
    for host in ["", "evil.test/@", "a b", ":80"] {
        let answer = Wire::connect(port).ask("GET /", &[("Host", host)], "");
        assert_eq!((answer.status, answer.header("location")), (400, None), "{host}");
    }
}
