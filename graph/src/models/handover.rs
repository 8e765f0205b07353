//! Schedules on their way from the editor to the engine and back, commands beside them, and what the engine says of
//! itself: the real editor and engine, on two threads. `Arc` is the standard library's, and taken at its word.

use super::{check, spawn};
use crate::command::{Report, When};
use crate::controller::Status as Published;
use crate::engine::{Context, Io};
use crate::node::{NoConfig, Role};
use crate::param::{Amount, ParamSpec};
use crate::places::Places;
use crate::plan::{Built, EditError, Editor, Options, build};
use crate::port::{PortSpec, Ports};
use crate::settings::Settings;
use crate::{Catalogue, Controller, Engine, Kind, Node, NodeError, Prepare, Prepared, Preset};
use crate::{Processor, Source, Status};
use loom::cell::UnsafeCell;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// So few frames a second that an edit is over after one quantum.
const RATE: u32 = 3_200;

/// Gives its level, and lets loom see who touches it: the engine where it runs, whoever drops it where it ends.
struct Probe(UnsafeCell<u32>);

thread_local! {
    /// Probes that live. loom runs all threads of a model on one of the system's.
    static ALIVE: Cell<usize> = const { Cell::new(0) };
}

impl Node for Probe {
    const KIND: &'static str = "probe";
    const ABOUT: &'static str = "Gives its level.";
    const EXAMPLE: &'static str = "";
    const PARAMS: &'static [ParamSpec] = &[ParamSpec::ratio("level", 0.0).smoothing(0.0)];
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new([], [PortSpec::audio("out", 1)])
    }

    fn prepare(_: &NoConfig, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        ALIVE.set(ALIVE.get() + 1);
        Ok(Prepared::new(Self(UnsafeCell::new(0))))
    }
}

impl Processor for Probe {
    fn process(&mut self, _: &Context<'_>, io: &mut Io<'_>) -> Status {
        self.0.with_mut(|_| ());
        let level = io.param(0);
        level.fill(io.output(0).channel(0));
        Status::Active
    }

    fn reset(&mut self) {}
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.0.with_mut(|_| ());
        ALIVE.set(ALIVE.get() - 1);
    }
}

/// Where it is heard.
struct Out;

impl Node for Out {
    const KIND: &'static str = "out";
    const ABOUT: &'static str = "The output.";
    const EXAMPLE: &'static str = "";
    const ROLE: Role = Role::Output;
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new([PortSpec::audio("in", 1)], [PortSpec::audio("out", 1)])
    }

    fn prepare(_: &NoConfig, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Self))
    }
}

impl Processor for Out {
    fn process(&mut self, _: &Context<'_>, io: &mut Io<'_>) -> Status {
        let heard = *io.input(0).channel(0);
        *io.output(0).channel(0) = heard;
        Status::Active
    }

    fn reset(&mut self) {}
}

fn catalogue() -> Catalogue {
    Catalogue::new([Kind::of::<Probe>(), Kind::of::<Out>()])
}

/// Probes that sum, each silent until it is told otherwise.
fn preset(probes: &[&str]) -> Arc<Preset> {
    let nodes: String = probes.iter().map(|name| format!("  {name}: {{ type: probe }}\n")).collect();
    let list = probes.join(", ");
    let text = format!("auralis: 1\nnodes:\n{nodes}  out: {{ type: out, in: [{list}] }}\n");
    let read = Preset::read(&Source::new("model.yaml", text), &catalogue(), &Places::default());
    Arc::new(read.unwrap_or_else(|mistakes| panic!("{mistakes}")))
}

/// The control side of a running engine.
struct Control {
    editor: Editor,
    controller: Controller,
}

impl Control {
    fn start(preset: &Preset) -> (Self, Engine) {
        ALIVE.set(0);
        let options = Options::render(RATE, Settings::default(), Places::default());
        let built = build(preset, &catalogue(), &options).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let Built { engine, editor, controller, .. } = built;
        (Self { editor, controller }, engine)
    }

    fn edit(&mut self, preset: &Preset) -> Result<(), EditError> {
        let (settings, places) = (Settings::default(), Places::default());
        let edited = self.editor.edit(preset, &catalogue(), settings, places, &BTreeSet::new())?;
        self.controller = edited.controller;
        Ok(())
    }

    fn level(&self, node: &str, level: f32) {
        let sent = self.controller.set_param(node, "level", Amount::Value(level), When::Now);
        sent.expect("the engine takes commands");
    }

    /// Runs what is under way to its end. Returns the last sample.
    fn finish(&mut self, engine: &mut Engine) -> f32 {
        run(engine, 6);
        assert_eq!(self.editor.sweep(), 0, "every edit came back");
        while let Some(report) = self.controller.report() {
            assert!(!matches!(report, Report::Failed { .. }), "a node was touched by two threads at once");
        }
        engine.output()[0][0]
    }
}

fn run(engine: &mut Engine, quanta: usize) {
    (0..quanta).for_each(|_| engine.quantum());
}

fn play(mut engine: Engine, quanta: usize) -> loom::thread::JoinHandle<Engine> {
    spawn(move || {
        run(&mut engine, quanta);
        engine
    })
}

#[test]
fn what_an_edit_retires_is_dropped_once_and_after_its_last_turn() {
    let (before, after) = (preset(&["a", "b"]), preset(&["b", "c"]));
    check(move || {
        let (mut control, engine) = Control::start(&before);
        let playing = play(engine, 3);
        control.edit(&after).expect("the engine takes an edit");
        control.editor.sweep();
        let mut engine = playing.join().expect("the engine runs");
        control.finish(&mut engine);
        assert_eq!(ALIVE.get(), 2, "b goes on, c came, a is gone");
        drop((control, engine));
        assert_eq!(ALIVE.get(), 0);
    });
}

#[test]
fn an_engine_that_ends_with_an_edit_under_way_drops_it_once() {
    let (before, after) = (preset(&["a"]), preset(&["b"]));
    check(move || {
        let (mut control, engine) = Control::start(&before);
        let playing = spawn(move || {
            let mut engine = engine;
            run(&mut engine, 2);
            drop(engine);
        });
        control.edit(&after).expect("the engine takes an edit");
        control.editor.sweep();
        playing.join().expect("the engine runs");
        drop(control);
        assert_eq!(ALIVE.get(), 0);
    });
}

#[test]
fn a_command_sent_after_an_edit_reaches_its_node() {
    // What comes first in the text has another number after the edit.
    let (before, after) = (preset(&["b"]), preset(&["a", "b"]));
    check(move || {
        let (mut control, engine) = Control::start(&before);
        let playing = play(engine, 3);
        control.edit(&after).expect("the engine takes an edit");
        control.level("b", 0.5);
        let mut engine = playing.join().expect("the engine runs");
        assert_eq!(control.finish(&mut engine), 0.5);
    });
}

#[test]
fn edits_that_come_too_fast_are_refused_and_none_is_lost() {
    let texts = [preset(&["a"]), preset(&["b"]), preset(&["a", "b"]), preset(&["c"])];
    check(move || {
        let (mut control, engine) = Control::start(&texts[0]);
        let playing = play(engine, 2);
        let mut wanted = 1;
        for text in &texts[1..] {
            match control.edit(text) {
                Ok(()) => wanted = text.nodes.len() - 1,
                Err(EditError::Busy) => {}
                Err(error) => panic!("{error}"),
            }
        }
        let mut engine = playing.join().expect("the engine runs");
        control.finish(&mut engine);
        assert_eq!(ALIVE.get(), wanted);
    });
}

#[test]
fn a_position_is_never_older_than_the_frame_that_was_read_before_it() {
    check(|| {
        let status = Arc::new(Published::default());
        let writing = Arc::clone(&status);
        let writer = spawn(move || {
            (1..3).for_each(|quantum| writing.publish(quantum, quantum as f64, Settings::default()));
        });
        let (frame, tick) = (status.frame(), status.tick());
        assert!(tick >= frame as f64, "tick {tick} at frame {frame}");
        writer.join().expect("the writer ends");
    });
}
