//! The command line: exit status, what goes to which output, and that its words help.

use auralis_tests::presets::RAIN;
use auralis_tests::{Room, Said, finish};
use serde_json::{Value as Json, json};
use std::process::Stdio;

const COMMANDS: [&str; 9] =
    ["serve", "render", "play", "check", "nodes", "schema", "graph", "presets", "completions"];

#[test]
fn every_command_explains_itself() {
    let room = Room::new();
    let help = room.run(&["--help"]);
    for command in COMMANDS {
        assert!(help.ok().contains(command), "{command}");
        for flag in ["-h", "--help"] {
            let said = room.run(&[command, flag]);
            assert!(said.ok().contains(&format!("Usage: auralis {command}")), "{}", said.out);
            assert!(said.err.is_empty(), "{}", said.err);
        }
    }
    assert!(room.run(&["--version"]).ok().starts_with("auralis 0."));
}

#[test]
fn wrong_use_is_status_2() {
    let room = Room::new();
    for (arguments, words) in [
        (&["dance"][..], "unrecognized subcommand"),
        (&["chekc"], "check"),
        (&["check"], "<PRESET>..."),
        (&["render", "night_drift"], "--output"),
        (&["render", "x", "-o", "x.wav", "--length", "5 apples"], "--length"),
        (&["render", "x", "-o", "x.wav", "--length", "-5s"], "-5"),
        (&["render", "x", "-o", "x.wav", "--length", "NaN"], "--length"),
        (&["render", "x", "-o", "x.wav", "--rate", "7999"], "8000"),
        (&["render", "x", "-o", "x.wav", "--block", "0"], "1..=65536"),
        (&["render", "x", "-o", "x.wav", "--bits", "8"], "16, 24 or 32f"),
        (&["render", "x", "-o", "x.wav", "--seed", "-1"], "-1"),
        (&["serve", "--port", "65536"], "--port is `65536`, but must be a number from 0 to 65535"),
        (&["serve", "--default-bpm", "201"], "40 to 200"),
        (&["nodes", "gain", "--all"], "--all"),
        (&["check", "--json", "--expand", "x"], "--expand"),
        (&["graph", "x", "--format", "png"], "svg"),
        (&["completions", "tcl"], "bash"),
    ] {
        room.run(arguments).fails(2, &[words]);
    }
    let nothing = room.run(&[]);
    nothing.fails(2, &["Usage: auralis"]);
}

#[test]
fn a_check_says_what_a_preset_is_made_of() {
    let room = Room::new();
    let bell = concat!(env!("CARGO_MANIFEST_DIR"), "/../nodes/assets/glass.wav");
    let bell = room.put("bell.wav", std::fs::read(bell).unwrap());
    let text = "auralis: 1
name: Bells
author: Somebody
nodes:
  one: { type: sampler, file: bell.wav }
  two: { type: sampler, file: ./bell.wav }
  own: { type: sampler }
  out: { type: output, in: [one, two, own] }
";
    room.put("bells.yaml", text);
    let said = room.run(&["check", "--parts", "bells.yaml"]);
    said.ok();
    let path = bell.canonicalize().unwrap();
    let asset = |name: &str| json!({ "name": name, "path": path });
    let expected = json!([{
        "title": "Bells", "author": "Somebody", "text": text, "assets": [asset("./bell.wav"), asset("bell.wav")],
    }]);
    assert_eq!(said.json(), expected);
    room.put("wrong.yaml", text.replace("type: output", "type: outptu"));
    room.run(&["check", "--parts", "wrong.yaml"]).says(1, &["did you mean `output`?"]);
}

#[test]
fn asking_what_a_preset_is_made_of_writes_nothing() {
    let room = Room::new();
    let sinks = "  hiss: { type: noise }
  old: { type: file_sink, in: hiss, file: old.wav, overwrite: true }
  new: { type: file_sink, in: hiss, file: new.wav }
  out: { type: output, in: hiss }
";
    room.put("take.yaml", format!("auralis: 1\nnodes:\n{sinks}"));
    room.put("old.wav", "a recording");
    let files = || {
        let mut names: Vec<_> =
            std::fs::read_dir(room.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = files();
    let said = room.run(&["check", "--parts", "take.yaml"]);
    said.ok();
    assert_eq!(said.json()[0]["assets"], json!([]));
    assert_eq!(room.bytes("old.wav"), b"a recording");
    assert_eq!(files(), before);
}

#[test]
fn a_check_shows_all_mistakes_of_all_files_with_their_places() {
    let room = Room::new();
    room.put("right.yaml", RAIN);
    room.put("one.yaml", RAIN.replace("noise", "noize").replace("-12 dB", "-12 Hz"));
    room.put("two.yaml", RAIN.replace("in: level", "in: lever"));
    let said = room.run(&["check", "right.yaml", "one.yaml", "two.yaml"]);
    assert_eq!(said.status, 1);
    assert_eq!(said.out, "right.yaml: ok, 3 nodes, 1 controls\n");
    for words in
        ["one.yaml:4:17", "noise", "one.yaml:5:40", "two.yaml:6:28", "level", "2 presets have mistakes"]
    {
        assert!(said.err.contains(words), "`{words}` is not in:\n{}", said.err);
    }

    let said = room.run(&["check", "--json", "right.yaml", "one.yaml", "two.yaml"]);
    assert_eq!(said.status, 1);
    let rows = said.json();
    let places: Vec<(&str, u64)> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["severity"] == "error")
        .map(|row| (row["file"].as_str().unwrap(), row["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(places, [("one.yaml", 4), ("one.yaml", 5), ("two.yaml", 6)], "{rows:#}");

    let right = room.run(&["check", "--json", "right.yaml"]);
    right.ok();
    assert_eq!(right.json(), Json::Array(Vec::new()));
}

#[test]
fn a_missing_file_does_not_hide_the_mistakes_of_another() {
    let room = Room::new();
    room.put("one.yaml", RAIN.replace("noise", "noize"));
    let said = room.run(&["check", "gone.yaml", "one.yaml"]);
    said.fails(1, &["gone.yaml", "one.yaml:4:17", "1 preset has mistakes, 1 preset could not be read"]);
}

#[test]
fn the_canonical_form_is_a_preset_that_means_the_same() {
    let room = Room::new();
    room.put("rain.yaml", RAIN);
    let expanded = room.run(&["check", "rain.yaml", "--expand"]);
    room.put("expanded.yaml", expanded.ok());
    let again = room.run(&["check", "expanded.yaml", "--expand"]);
    assert_eq!(again.ok(), expanded.out, "it is its own canonical form");
    assert_eq!(again.err, "", "without warnings");
    let fed = room.feed(&["check", "-"], expanded.out.as_bytes());
    assert_eq!(fed.ok(), "<stdin>: ok, 3 nodes, 1 controls\n");
}

#[test]
fn nodes_are_listed_explained_and_guessed() {
    let room = Room::new();
    let list = room.run(&["nodes"]).ok().to_string();
    let kinds: Vec<&str> = list.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    for kind in ["composer", "synth", "soundfont", "reverb", "limiter", "output", "ring_buffer", "file_sink"]
    {
        assert!(kinds.contains(&kind), "{kind} is missing");
    }
    for kind in &kinds {
        let page = room.run(&["nodes", kind]);
        assert!(page.ok().contains(&format!("type: {kind}")), "the page of {kind} has no example");
    }
    room.run(&["nodes", "revreb"]).fails(1, &["`revreb`", "did you mean `reverb`?"]);
    room.run(&["nodes", "xyzzy"]).fails(1, &["there is no node type `xyzzy`"]);
    let book = room.run(&["nodes", "--all"]);
    assert!(kinds.iter().all(|kind| book.ok().contains(&format!("## {kind}\n"))), "{}", book.out);
}

#[test]
fn the_schema_knows_every_node_and_the_documents_keys() {
    let room = Room::new();
    let said = room.run(&["schema"]);
    said.ok();
    let schema = said.json();
    assert!(schema["$schema"].as_str().unwrap().starts_with("https://json-schema.org/"));
    for key in
        ["auralis", "name", "description", "tags", "seed", "key", "tempo", "intensity", "nodes", "expose"]
    {
        assert!(schema["properties"][key].is_object(), "{key} is missing");
    }
    let text = said.out;
    for kind in room.run(&["nodes"]).ok().lines().map(|line| line.split_whitespace().next().unwrap()) {
        assert!(text.contains(&format!("\"{kind}\"")), "{kind} is missing");
    }
}

#[test]
fn a_graph_is_drawn_in_three_forms() {
    let room = Room::new();
    room.put("rain.yaml", RAIN);
    let draw = |form: &str| room.run(&["graph", "rain.yaml", "--format", form]).ok().to_string();
    let dot = draw("dot");
    assert!(dot.starts_with("digraph") && dot.contains("->"), "{dot}");
    let mermaid = draw("mermaid");
    assert!(mermaid.starts_with("flowchart") && mermaid.contains("-->"), "{mermaid}");
    let svg = draw("svg");
    assert!(svg.contains("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    for form in [&dot, &mermaid, &svg] {
        assert!(["hiss", "level", "out"].iter().all(|node| form.contains(node)), "{form}");
    }
    room.run(&["graph", "rain.yaml", "-o", "rain.svg"]).ok();
    assert_eq!(String::from_utf8(room.bytes("rain.svg")).unwrap().trim_end(), svg.trim_end());
    room.run(&["graph", "rain.yaml", "-o", "no/such/folder/rain.svg"]).fails(1, &["cannot write"]);
    room.run(&["graph", "rian.yaml"]).fails(1, &["rian.yaml"]);
}

#[test]
fn presets_are_listed_copied_once_and_then_ones_own() {
    let room = Room::new();
    room.preset("mine", RAIN);
    let list = room.run(&["presets"]);
    assert!(list.ok().contains("night_drift") && list.out.contains("(yours) Test Rain"), "{}", list.out);
    let copied = room.run(&["presets", "--copy", "night_drift"]);
    assert!(copied.ok().trim_end().ends_with("auralis/presets/night_drift.yaml"), "{}", copied.out);
    let first = room.bytes("auralis/presets/night_drift.yaml");
    room.preset("night_drift", RAIN);
    room.run(&["presets", "--copy", "night_drift"]).fails(1, &["already there"]);
    assert_ne!(room.bytes("auralis/presets/night_drift.yaml"), first, "what stands there is left");
    assert!(room.run(&["check", "night_drift"]).ok().contains("3 nodes"), "one's own comes first");
    room.run(&["presets", "--copy", "nihgt_drift"]).fails(1, &["`nihgt_drift`", "night_drift"]);
    room.run(&["presets", "--copy", "../../x"]).fails(1, &["no shipped preset"]);
    room.run(&["check", "night_drfit"]).fails(1, &["did you mean `night_drift`?"]);
}

#[test]
fn a_preset_with_mistakes_is_listed_as_such() {
    let room = Room::new();
    room.preset("broken", "auralis: 1\nnodes: {}\nnmae: x\n");
    let list = room.run(&["presets"]);
    assert!(list.ok().contains("night_drift"));
    assert!(list.out.contains("broken") || list.err.contains("broken"), "{}\n{}", list.out, list.err);
}

#[test]
fn completions_come_for_every_shell() {
    let room = Room::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = room.run(&["completions", shell]);
        assert!(COMMANDS.iter().all(|command| script.ok().contains(command)), "{shell}");
    }
}

/// Runs a command whose standard output nobody reads.
fn unread(room: &Room, arguments: &[&str]) -> Said {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    finish(room.command().args(arguments).stdout(writer))
}

#[test]
fn a_reader_who_leaves_is_no_failure() {
    let room = Room::new();
    for arguments in [
        &["nodes", "--all"][..],
        &["nodes"],
        &["schema"],
        &["presets"],
        &["completions", "bash"],
        &["check", "night_drift", "--expand"],
        &["--help"],
        &["serve", "--help"],
    ] {
        let said = unread(&room, arguments);
        assert_eq!((said.status, said.err.as_str()), (0, ""), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_a_failure() {
    let room = Room::new();
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    for arguments in [&["nodes", "--all"][..], &["schema"], &["presets"], &["completions", "zsh"]] {
        let said = finish(room.command().args(arguments).stdout(full()));
        assert_eq!(said.status, 1, "{arguments:?}");
        assert!(said.err.contains("No space left"), "{}", said.err);
    }
}

#[test]
fn settings_that_cannot_be_used_stop_the_start_with_one_line() {
    let room = Room::new();
    room.put("prot.yaml", "prot: 1\n");
    room.put("list.yaml", "- 1\n");
    let serve = |variable: &str, value: &str, more: &[&str]| {
        finish(room.command().arg("serve").args(["--port", "0"]).args(more).env(variable, value))
    };
    for (variable, value, words) in [
        ("AURALIS_DEFAULT_BPM", "39.9", "AURALIS_DEFAULT_BPM is `39.9`, but must be a number from 40 to 200"),
        ("auralis_default_intensity", "1.01", "AURALIS_DEFAULT_INTENSITY is `1.01`"),
        ("AURALIS_ENABLE_TRANSFORMER", "true", "not yet available"),
        ("AURALIS_ENABLE_SSL", "true", "AURALIS_SSL_CERT_PATH"),
        ("AURALIS_LISTEN", "token", "AURALIS_AUTH_KEYS"),
        (
            "AURALIS_TRUSTED_PROXIES",
            "10.0.0.0/8, everybody",
            "AURALIS_TRUSTED_PROXIES is `10.0.0.0/8, everybody`",
        ),
        (
            "AURALIS_ENABLE_EFFECTS",
            "perhaps",
            "AURALIS_ENABLE_EFFECTS is `perhaps`, but must be true or false",
        ),
        ("AURALIS_DEVICE", "cuda", "AURALIS_DEVICE is `cuda`"),
        ("AURALIS_HOST", "no.such.host.example", "AURALIS_HOST"),
        ("AURALIS_LOG_FILE", "/dev/null/x/y.log", "cannot log to"),
    ] {
        let said = serve(variable, value, &[]);
        said.fails(1, &[words]);
        assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    }
    serve("X", "", &["--config", "prot.yaml"]).fails(1, &["did you mean `port`?"]);
    serve("X", "", &["--config", "list.yaml"]).fails(1, &["list.yaml"]);
    serve("X", "", &["--config", "gone.yaml"]).fails(1, &["gone.yaml"]);
    room.put(".env", "AURALIS_DEFAULT_BPM=500\n");
    serve("X", "", &[]).fails(1, &["AURALIS_DEFAULT_BPM is `500`"]);
}

#[test]
fn the_help_of_serve_names_every_setting() {
    let help = Room::new().run(&["serve", "--help"]);
    let help = help.ok();
    for name in [
        "host",
        "port",
        "env",
        "sample-rate",
        "chunk-duration-ms",
        "buffer-capacity-sec",
        "device",
        "threads",
        "default-key",
        "default-bpm",
        "default-intensity",
        "max-clients",
        "enable-effects",
        "enable-transformer",
        "log-level",
        "log-file",
        "log-rotation",
        "log-keep",
        "log-format",
        "memory-warning-mb",
        "memory-error-mb",
        "cors-origins",
        "assets",
        "state",
        "epoch",
        "enable-ssl",
        "ssl-cert-path",
        "ssl-key-path",
        "https-redirect-port",
        "auth-keys",
        "listen",
        "trusted-hosts",
        "trusted-proxies",
        "status-rate",
        "metrics-rate",
        "control-rate",
        "station-rate",
    ] {
        assert!(help.contains(&format!("--{name} ")), "--{name} is missing");
        let variable = format!("AURALIS_{}", name.replace('-', "_").to_uppercase());
        assert!(help.contains(&variable), "{variable} is missing");
    }
}
