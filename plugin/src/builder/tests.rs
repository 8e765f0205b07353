//! What becomes of pieces, without a host.

use super::*;
use crate::params::InstrumentParams;
use std::path::Path;
use tempfile::TempDir;

const SETUP: Setup = Setup { sample_rate: 48_000, offline: true };
const PATIENCE: Duration = Duration::from_secs(20);

/// An instrument without a host. The thread ends first.
struct Instrument {
    _builder: Builder,
    desk: Arc<Desk>,
    stage: Arc<Stage>,
    _params: Arc<InstrumentParams>,
}

fn instrument() -> Instrument {
    let (desk, stage) = (Arc::new(Desk::new()), Arc::new(Stage::new()));
    let params = Arc::new(InstrumentParams::new(&desk));
    desk.belong_to(&params);
    let builder = Builder::start(&desk, &stage);
    Instrument { _builder: builder, desk, stage, _params: params }
}

impl Instrument {
    /// Plays a piece as a session does that is opened, and says what became of it.
    fn restore(&self, piece: Piece) -> Outcome {
        self.desk.restore(piece);
        assert!(self.desk.set_up(SETUP, PATIENCE));
        // Files are compared after that.
        std::thread::sleep(Duration::from_millis(300));
        self.desk.outcome()
    }
}

fn piece(folder: &Path, text: &str) -> Piece {
    Piece { text: text.into(), name: "test".into(), folder: Some(folder.into()), assets: Vec::new() }
}

const TAPE: &str = "auralis: 1
nodes:
  keys: { type: midi_in }
  tape: { type: sampler, in: keys, file: tape.wav }
  out: { type: output, in: tape }
";

fn record(path: &Path, level: i16) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec).unwrap();
    (0..4_800).for_each(|frame| file.write_sample(level * (frame % 2) as i16).unwrap());
    file.finalize().unwrap();
}

#[test]
fn what_is_missing_or_has_changed_is_named() {
    let folder = TempDir::new().unwrap();
    let instrument = instrument();
    let missing = instrument.restore(piece(folder.path(), TAPE));
    assert!(missing.mistakes.is_none());
    assert!(matches!(&missing.notices[..], [one] if one.contains("`tape`") && one.contains("tape.wav")));

    record(&folder.path().join("tape.wav"), 1_000);
    assert!(instrument.restore(piece(folder.path(), TAPE)).notices.is_empty());
    let kept = instrument.desk.piece();
    assert_eq!(kept.assets.len(), 1);
    assert!(instrument.restore(kept.clone()).notices.is_empty(), "it is what it was");

    record(&folder.path().join("tape.wav"), 2_000);
    let changed = instrument.restore(kept.clone());
    assert!(
        matches!(&changed.notices[..], [one] if one.contains("`tape.wav` is another file")),
        "{changed:?}"
    );
    assert_ne!(instrument.desk.piece().assets, kept.assets, "the next session knows the file of now");
}

#[test]
fn a_text_with_mistakes_leaves_what_plays_and_is_kept() {
    let folder = TempDir::new().unwrap();
    let instrument = instrument();
    let right = "auralis: 1\nnodes: { a: { type: noise }, out: { type: output, in: a } }";
    assert!(instrument.restore(piece(folder.path(), right)).mistakes.is_none());
    let wrong = right.replace("noise", "nois");
    let number = instrument.desk.play(piece(folder.path(), &wrong));
    assert!(instrument.desk.set_up(SETUP, PATIENCE));
    let outcome = instrument.desk.outcome();
    assert_eq!(outcome.number, number);
    assert!(outcome.mistakes.is_some_and(|mistakes| mistakes.to_string().contains("noise")));
    let scene = instrument.desk.scene().unwrap();
    assert_eq!((scene.number + 1, scene.reading.preset.source.text()), (number, right));
    assert_eq!(instrument.desk.piece().text, wrong, "a session keeps what was typed");
}

#[test]
fn an_engine_that_does_not_render_is_edited_without_end() {
    let folder = TempDir::new().unwrap();
    let instrument = instrument();
    for level in 0..100 {
        let text = format!(
            "auralis: 1\nnodes: {{ a: {{ type: noise, gain: -{} dB }}, out: {{ type: output, in: a }} }}",
            level % 80
        );
        instrument.desk.play(piece(folder.path(), &text));
        assert!(instrument.desk.set_up(SETUP, Duration::from_secs(5)), "nobody waits for anybody");
        assert!(instrument.desk.outcome().mistakes.is_none());
    }
    instrument.stage.sweep(true);
}
