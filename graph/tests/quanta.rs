//! A few quanta of a graph that has everything, edited and steered from another thread while it runs: short enough
//! for Miri, which sees what no ear hears of unsafe code that is wrong (`cargo xtask miri`).

mod plain;

use auralis_graph::Built;
use auralis_graph::command::{Command, When};
use auralis_graph::engine::Start;
use auralis_graph::note::NoteEvent;
use auralis_graph::param::Amount;
use auralis_graph::places::Places;
use auralis_graph::settings::Setting;
use auralis_graph::testing::{build_at, read, seek};
use plain::catalogue;
use std::collections::BTreeSet;

/// So few frames a second that an edit takes three quanta.
const RATE: u32 = 8_000;

/// Notes, modulation, a loop, latency that is evened out, and controls.
fn busy(echo: u32, more: &str) -> String {
    format!(
        "auralis: 1
tempo: 180
nodes:
  tick: {{ type: ticker }}
  keys: {{ type: keys }}
  blip: {{ type: blip, in: [tick, keys] }}
  slow: {{ type: wobble }}
  tone: {{ type: tone, freq: {{ from: slow, min: 200 Hz, max: 900 Hz }} }}
  late: {{ type: ahead, frames: 100, in: tone }}
  back: {{ type: echo, frames: {echo}, in: [blip, {{ from: damp, gain: -6 dB }}] }}
  damp: {{ type: amp, in: back, level: {{ value: 0.5, from: tone, depth: 0.3 }} }}
{more}  mix: {{ type: amp, in: [late, back, blip], level: 0.7 }}
  out: {{ type: output, in: mix }}
expose:
  level: {{ to: mix.level }}
"
    )
}

#[test]
fn an_engine_is_edited_and_steered_from_another_thread() {
    let built = build_at(&busy(200, ""), &catalogue(), RATE, auralis_graph::Socket::Render);
    let Built { mut engine, mut controller, mut editor, .. } = built;
    let graphs = [busy(300, ""), busy(300, "  spare: { type: tone }\n"), busy(200, "")];
    let graphs = graphs.map(|text| read(&text, &catalogue()));
    let quanta = if cfg!(miri) { 8 } else { 2_000 };
    let (mut engine, heard) = std::thread::scope(|scope| {
        let playing = scope.spawn(move || {
            let mut heard = 0.0f32;
            for _ in 0..quanta {
                engine.quantum();
                heard =
                    engine.output().iter().flat_map(|side| side.iter()).fold(heard, |a, b| a.max(b.abs()));
            }
            (engine, heard)
        });
        for graph in &graphs {
            // The engine may have more to do than it was told of: then the change is left out.
            let settings = controller.settings(graph.settings());
            let edited = editor.edit(graph, &catalogue(), settings, Places::anywhere(), &BTreeSet::new());
            if let Ok(edited) = edited {
                controller = edited.controller;
            }
            let _ = controller.set_control("level", 0.3, When::Now);
            let _ = controller.set_param("tone", "mute", Amount::Value(1.0), When::Now);
            let _ = controller.note("keys", NoteEvent::on(0, 0, 9, 72.0, 1.0), When::Now);
            let _ = controller.set(Setting::Tempo(97.5), When::Tick(40));
            let _ = controller.send(Command { when: When::Now, change: seek(10) });
            editor.sweep();
            std::thread::yield_now();
        }
        playing.join().expect("the engine runs")
    });
    assert!(heard > 0.01 && heard.is_finite(), "{heard}");
    (0..16).for_each(|_| engine.quantum());
    assert_eq!(editor.sweep(), 0, "every edit came back");
    assert!(std::iter::from_fn(|| controller.report()).count() > 3);
    engine.reset(&Start::beginning(engine.initial_settings()));
    engine.quantum();
    // One goes before the other, in either order.
    drop(engine);
    drop(editor);
}
