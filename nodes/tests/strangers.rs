//! Texts that strangers send: shipped presets gone wrong in every way, and texts made to hurt. The reader takes
//! little time and memory over each, and what it accepts it accepts again. `fuzz/` asks the same, for as long as one
//! likes.

use auralis_graph::Catalogue;
use auralis_graph::chance::Chance;
use auralis_graph::testing::memory::{CountedAllocator, most};
use auralis_graph::testing::reading::hold;
use auralis_nodes::catalogue;
use std::path::Path;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: CountedAllocator = CountedAllocator;

/// How long texts are made up and read.
const BUDGET: Duration = Duration::from_secs(6);
/// Longest that one text may take, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(5);

/// Memory is counted for the whole program: one test at a time.
#[allow(clippy::disallowed_types)] // Only tests wait for it.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// Memory that reading a text may take.
fn allowed(text: &str) -> usize {
    (128 << 20) + 24 * text.len()
}

/// Shows the text over which the reader fell.
struct Shown<'a>(&'a str);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let end = (0..=self.0.len().min(4_000)).rev().find(|end| self.0.is_char_boundary(*end));
            eprintln!("the text:\n{}", &self.0[..end.unwrap_or_default()]);
        }
    }
}

fn read(text: &str, catalogue: &Catalogue) -> bool {
    let _shown = Shown(text);
    let (start, mut accepted) = (Instant::now(), false);
    let bytes = most(|| accepted = hold(text, catalogue));
    assert!(start.elapsed() < PATIENCE, "it took {:?}", start.elapsed());
    assert!(bytes <= allowed(text), "it took {} MB", bytes >> 20);
    accepted
}

/// What stands in presets, and what should not.
const WORDS: [&str; 48] = [
    "0",
    "-0",
    "-1",
    "1e308",
    "-1e308",
    "1e-320",
    "1e39",
    "3.4e38",
    "nan",
    ".inf",
    "-inf dB",
    "0x10",
    "1_000",
    "99999999999999999999",
    "1/0",
    "0/4",
    "1/8d",
    "7/3t",
    "4294967296/1",
    "1e9 bars",
    "100 %",
    "1e300 %",
    "-0 Hz",
    "12 st",
    "~",
    "null",
    "true",
    "\"\"",
    "'",
    "\"",
    "\\",
    "#",
    "|",
    ">",
    "? ",
    "- ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "é\u{0301}",
    "\u{feff}",
    "\u{2028}",
];

/// One to four changes of a good text: to its bytes, its words, its lines.
fn spoil(corpus: &[String], chance: &mut Chance) -> String {
    let pick = |chance: &mut Chance| corpus[chance.below(corpus.len() as u32) as usize].clone();
    let mut text = pick(chance);
    for _ in 0..1 + chance.below(4) {
        text = match chance.below(8) {
            0 => spoil_characters(&text, chance),
            1 | 2 => spoil_words(&text, chance),
            3 => format!("{}\n{}", lines(&text, chance), lines(&pick(chance), chance)),
            _ => spoil_lines(&text, chance),
        };
    }
    text
}

fn at(length: usize, chance: &mut Chance) -> usize {
    chance.below(length.max(1) as u32) as usize
}

fn spoil_characters(text: &str, chance: &mut Chance) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let place = at(characters.len(), chance);
    let end = (place + at(12, chance)).min(characters.len());
    let with: Vec<char> = match chance.below(3) {
        0 => Vec::new(),
        1 => char::from_u32(chance.below(0x11_0000)).into_iter().collect(),
        _ => characters[place..end].repeat(1 + at(40, chance)),
    };
    characters.splice(place..end, with);
    characters.into_iter().collect()
}

/// Puts a word of the list, or another of the text, in the place of one.
fn spoil_words(text: &str, chance: &mut Chance) -> String {
    if text.is_empty() {
        return WORDS[at(WORDS.len(), chance)].into();
    }
    let ends = |c: char| " ,:[]{}\n".contains(c);
    let words: Vec<&str> = text.split_inclusive(ends).collect();
    let (place, other) = (at(words.len(), chance), at(words.len(), chance));
    let with = match chance.below(3) {
        0 => words[other],
        _ => WORDS[at(WORDS.len(), chance)],
    };
    let end = words[place].chars().next_back().filter(|c| ends(*c) && !with.ends_with(ends));
    let spoilt = format!("{with}{}", end.map(String::from).unwrap_or_default());
    words.iter().enumerate().map(|(index, word)| if index == place { &spoilt } else { *word }).collect()
}

fn spoil_lines(text: &str, chance: &mut Chance) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    if lines.is_empty() {
        return String::new();
    }
    let (place, other) = (at(lines.len(), chance), at(lines.len(), chance));
    match chance.below(6) {
        0 => drop(lines.remove(place)),
        1 => lines.swap(place, other),
        2 => lines[place].insert_str(0, &" ".repeat(at(6, chance))),
        3 => lines[place] = lines[place].trim_start().to_string(),
        4 => lines.insert(place, lines[other].clone()),
        _ => {
            let line = vec![lines[place].clone(); at(300, chance)];
            lines.splice(place..place, line);
        }
    }
    lines.join("\n")
}

/// Some lines of a text.
fn lines(text: &str, chance: &mut Chance) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let start = at(lines.len(), chance);
    lines[start..(start + at(40, chance)).min(lines.len())].join("\n")
}

#[test]
fn good_texts_gone_wrong_cost_little_and_what_is_accepted_is_accepted_again() {
    let _alone = ALONE.lock();
    let catalogue = catalogue();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../presets");
    let mut corpus: Vec<String> = std::fs::read_dir(folder)
        .expect("presets ship")
        .map(|entry| std::fs::read_to_string(entry.expect("a file").path()).expect("a text"))
        .collect();
    corpus.sort();
    corpus.extend(catalogue.iter().filter(|kind| !kind.example.is_empty()).map(|kind| {
        let nodes = kind.example.trim_matches('\n').replace('\n', "\n  ");
        format!("auralis: 1\nnodes:\n  {nodes}\n  out: {{ type: output, in: [] }}\n")
    }));
    let whole = corpus.iter().filter(|text| read(text, &catalogue)).count();
    assert!(whole > 8, "{whole} of {} are accepted", corpus.len());
    let (start, mut number, mut accepted) = (Instant::now(), 0, 0);
    while start.elapsed() < BUDGET {
        accepted += u32::from(read(&spoil(&corpus, &mut Chance::new(number)), &catalogue));
        number += 1;
    }
    println!("{number} texts, {accepted} of them accepted");
    assert!(number > 200 && accepted > 0, "{number} texts, {accepted} of them accepted");
}

fn preset(nodes: &str) -> String {
    format!(
        "auralis: 1\nnodes:\n{nodes}  out: {{ type: output, in: tone }}\n  tone: {{ type: oscillator }}\n"
    )
}

#[test]
fn texts_made_to_hurt_cost_little() {
    let _alone = ALONE.lock();
    let many = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let aliases = |levels: usize, width: usize, wrap: &dyn Fn(&str) -> String| {
        let mut text = String::from("a0: &a0 { x: 1 }\n");
        for level in 1..=levels {
            let list = vec![format!("*a{}", level - 1); width].join(", ");
            text += &format!("a{level}: &a{level} {}\n", wrap(&list));
        }
        text
    };
    let texts = [
        "[".repeat(4 << 20),
        "{a: ".repeat(1 << 20),
        "- ".repeat(4 << 20),
        (0..20_000).map(|depth| format!("{}a:\n", " ".repeat(depth % 400))).collect(),
        "? ".repeat(1 << 20),
        "&a ".repeat(1 << 20),
        "!!x ".repeat(1 << 20),
        "\"".to_string() + &"\\u0041".repeat(1 << 20),
        "a: |\n".to_string() + &" b\n".repeat(1 << 20),
        "\n".repeat(8 << 20),
        "# comment\n".repeat(1 << 20),
        "---\n".repeat(1 << 20),
        "a".repeat(17 << 20),
        aliases(12, 9, &|list| format!("[{list}]")),
        aliases(40, 2, &|list| format!("{{ <<: [{list}] }}")),
        aliases(3, 400, &|list| format!("{{ <<: [{list}], y: 1 }}")),
        preset(&many(50_000, &|number| format!("  x{number}: &x{number} *x{}\n", number.saturating_sub(1)))),
        preset(&many(100_000, &|_| "  same: { type: gain, in: tone }\n".into())),
        preset(&many(20_000, &|number| format!("  n{number}: {{ type: nothing, frob: {number} }}\n"))),
        preset(&many(20_000, &|number| {
            format!("  n{number}: {{ type: gain, in: [n{}] }}\n", (number + 1) % 20_000)
        })),
        preset(&many(20_000, &|number| format!("  n{number}: {{ type: gain, in: missing{number} }}\n"))),
        preset(&format!("  all: {{ type: mix, in: [{}] }}\n", vec!["tone"; 200_000].join(", "))),
        preset(&format!("  all: {{ type: mix, {} }}\n", many(50_000, &|number| format!("k{number}: 1, ")))),
        preset(&format!("  {}: {{ type: gain, in: tone }}\n", "n".repeat(4 << 20))),
        preset(&format!("  x: {{ type: {}, in: tone }}\n", "t".repeat(4 << 20))),
        preset(&format!("  x: {{ type: gain, in: {} }}\n", "t".repeat(4 << 20))),
        preset(&format!("  x: {{ type: filter, in: tone, cutoff: {} }}\n", "9".repeat(4 << 20))),
        preset(&format!("  x: {{ type: filter, in: tone, cutoff: 0.{}1 }}\n", "0".repeat(4 << 20))),
        preset(&format!("  x: {{ type: filter, in: tone, {}: 1 }}\n", "k".repeat(1 << 20))),
        format!("{}expose:\n{}", preset(""), many(20_000, &|n| format!("  c{n}: {{ to: [tone.gain] }}\n"))),
        format!(
            "{}expose:\n  c: {{ to: [{}], default: 0 }}\n",
            preset(""),
            vec!["tone.gain"; 100_000].join(", ")
        ),
        format!("{}{}x: 1\n{}", preset(""), "\n".repeat(8 << 20), many(200, &|n| format!("y{n}: 1\n"))),
        format!("{{ {} {} }}", "y: 1, ".repeat(500_000), many(200, &|n| format!("y{n}: 1, "))),
        format!("{}name: \"{}\"\n", preset(""), "\u{1d11e}".repeat(1 << 20)),
        format!("{}tags: [{}]\n", preset(""), vec!["t"; 300_000].join(", ")),
        format!("{}seed: {}\n", preset(""), "1".repeat(1 << 20)),
        format!(
            "{}tempo: 1e308\nmeter: 99999999999999/4\nintensity: -1e-400\nkey: {}\n",
            preset(""),
            "#".repeat(1 << 20)
        ),
    ];
    let catalogue = catalogue();
    for text in &texts {
        read(text, &catalogue);
    }
}
