//! Presets that were written to do harm: each ends in a diagnostic, soon, within bounded memory.

#![cfg(target_os = "linux")]

use auralis_tests::{Room, Said, finish};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Checks one file under a limit of memory; none of them may take long.
fn check(room: &Room, argument: &str) -> Said {
    let begun = Instant::now();
    let mut shell = std::process::Command::new("sh");
    let program = room.command();
    // 700 MB of address space, of which the program's threads and code reserve a part.
    shell.args(["-c", "ulimit -v 700000; exec \"$0\" check \"$1\""]).arg(program.get_program()).arg(argument);
    shell.env("NO_COLOR", "1").current_dir(room.path(""));
    shell.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let said = finish(&mut shell);
    assert!(begun.elapsed() < Duration::from_secs(20), "{argument} took {:?}", begun.elapsed());
    assert!(said.err.len() < 100_000, "{argument}: {} bytes of complaint", said.err.len());
    said
}

#[test]
fn bombs_and_towers_are_refused_with_their_place() {
    let room = Room::new();
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_string();
    for pair in "abcdefghijk".as_bytes().windows(2) {
        let (of, name) = (char::from(pair[0]), char::from(pair[1]));
        let _ = writeln!(bomb, "{name}: &{name} [{}]", vec![format!("*{of}"); 9].join(","));
    }
    room.put("bomb.yaml", bomb);
    room.put("lists.yaml", "[".repeat(1_000_000));
    room.put("maps.yaml", "{a: ".repeat(1_000_000));
    room.put("dashes.yaml", "- ".repeat(1_000_000));
    room.put("questions.yaml", "? ".repeat(1_000_000));
    room.put(
        "indents.yaml",
        (1..2_000).fold("nodes:\n".to_string(), |text, n| text + &" ".repeat(n) + "a:\n"),
    );
    for (file, words) in [
        ("bomb.yaml", "too many values"),
        ("lists.yaml", "lists.yaml:1:"),
        ("maps.yaml", "maps.yaml:1:"),
        ("dashes.yaml", "dashes.yaml:1:"),
        ("questions.yaml", "questions.yaml:1:"),
        ("indents.yaml", "nested deeper"),
    ] {
        check(&room, file).fails(1, &[words]);
    }
}

#[test]
fn what_is_too_large_or_too_many_is_refused() {
    let room = Room::new();
    let sparse = std::fs::File::create(room.path("large.yaml")).unwrap();
    sparse.set_len(100 << 20).unwrap();
    check(&room, "large.yaml").fails(1, &["16 MB"]);
    check(&room, "/dev/zero").fails(1, &["/dev/zero"]);
    check(&room, "/dev/urandom").fails(1, &["/dev/urandom"]);
    let many = |line: fn(usize) -> String| {
        (0..100_000).fold("auralis: 1\nnodes:\n".to_string(), |text, n| text + &line(n))
    };
    room.put("unknown.yaml", many(|n| format!("  n{n}: {{ type: noize }}\n")));
    room.put("dangling.yaml", many(|n| format!("  n{n}: {{ type: gain, in: m{n} }}\n")));
    room.put("loop.yaml", many(|n| format!("  n{n}: {{ type: gain, in: n{} }}\n", (n + 1) % 100_000)));
    check(&room, "unknown.yaml").fails(1, &["did you mean `noise`?"]);
    check(&room, "dangling.yaml").fails(1, &["no node is called `m0`", "there are 100000 nodes"]);
    check(&room, "loop.yaml").fails(1, &["feed each other"]);
    let long = "b".repeat(1_000_000);
    room.put(
        "long.yaml",
        format!("auralis: 1\nnodes:\n  ? {long}\n  : {{ type: noise }}\n  o: {{ type: output, in: x }}\n"),
    );
    check(&room, "long.yaml").fails(1, &["is not a name"]);
}

#[test]
fn what_is_no_preset_says_what_it_is() {
    let room = Room::new();
    room.put("nan.yaml", "auralis: 1\ntempo: .nan\nnodes:\n  a: { type: noise, gain: NaN }\n  o: { type: output, in: { from: a, gain: .inf } }\n");
    room.put("latin.yaml", b"auralis: 1\nname: caf\xe9\nnodes: {}\n");
    room.put("nul.yaml", "auralis: 1\nname: a\0b\n");
    room.put("empty.yaml", "");
    room.put("escape.yaml", "auralis: 1\nnodes:\n  a: { type: \"\\e[31mred\" }\n");
    std::fs::create_dir(room.path("folder.yaml")).unwrap();
    std::os::unix::fs::symlink("ring.yaml", room.path("ring.yaml")).unwrap();
    for (file, words) in [
        ("nan.yaml", "nan.yaml:2:8"),
        ("nan.yaml", "nan.yaml:4:27"),
        ("latin.yaml", "latin.yaml:2:10: this is not text"),
        ("nul.yaml", "nul.yaml:2:8"),
        ("empty.yaml", "the preset is empty"),
        ("folder.yaml", "Is a directory"),
        ("ring.yaml", "symbolic links"),
        ("/dev/null", "the preset is empty"),
        ("", "no preset is called"),
    ] {
        check(&room, file).fails(1, &[words]);
    }
    let escape = check(&room, "escape.yaml");
    escape.fails(1, &["unknown node type"]);
    assert!(!escape.err.contains('\u{1b}'), "a terminal is not steered by a preset");

    // A pipe is read to its end.
    let pipe = room.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let text = "auralis: 1\nnodes:\n  a: { type: noise }\n  o: { type: output, in: a }\n";
    let writer = std::thread::spawn(move || std::fs::write(pipe, text).unwrap());
    assert_eq!(check(&room, "pipe").ok(), "pipe: ok, 2 nodes, 0 controls\n");
    writer.join().unwrap();
    assert!(room.feed(&["check", "-"], &vec![0; 20 << 20]).err.contains("16 MB"));
}
