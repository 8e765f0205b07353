//! Changes to a preset before it runs: what `--set` says, and solo for stems. As if the text had been written so.

use auralis_graph::Preset;
use auralis_graph::diagnostic::nearest;
use auralis_graph::music::{KeyError, Meter, MeterError};
use auralis_graph::node::Role;
use auralis_graph::param::{Amount, ParamSpec, Unit};
use auralis_graph::preset::{ParamReach, read_intensity, read_seed, read_tempo};
use auralis_graph::settings::Overrides;

/// What a command line sets: settings of the piece, which are read with the text, and values by name.
#[derive(Debug, Default, PartialEq)]
pub struct Sets {
    /// Settings in place of the text's.
    pub settings: Overrides,
    values: Vec<(String, String)>,
}

impl Sets {
    /// Reads `NAME=VALUE` pairs and a seed, which wins over a pair.
    ///
    /// # Errors
    /// What is wrong with the first that is wrong.
    pub fn read(pairs: &[String], seed: Option<u64>) -> Result<Self, String> {
        let mut sets = Self::default();
        for pair in pairs {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| format!("--set {pair}: write NAME=VALUE"))?;
            let (name, value) = (name.trim(), value.trim());
            let settings = &mut sets.settings;
            let outcome = match name {
                "key" => {
                    value.parse().map(|key| settings.key = Some(key)).map_err(|e: KeyError| e.to_string())
                }
                "meter" => {
                    value.parse().map(|m| settings.meter = Some(m)).map_err(|e: MeterError| e.to_string())
                }
                "tempo" | "bpm" => read_tempo(value).map(|tempo| settings.tempo = Some(tempo)),
                "intensity" => read_intensity(value).map(|intensity| settings.intensity = Some(intensity)),
                "seed" => read_seed(value).map(|seed| settings.seed = Some(seed)),
                _ => {
                    sets.values.push((name.to_string(), value.to_string()));
                    Ok(())
                }
            };
            outcome.map_err(|message| format!("--set {pair}: {message}"))?;
        }
        sets.settings.seed = seed.or(sets.settings.seed);
        Ok(sets)
    }

    /// Writes the values into a preset: exposed controls by name, parameters as `node.param`.
    ///
    /// # Errors
    /// A name that the preset has not, or a value that is not legal.
    pub fn apply(&self, preset: &mut Preset) -> Result<(), String> {
        for (name, value) in &self.values {
            let outcome = match name.split_once('.') {
                Some((node, param)) => set_param(preset, node, param, value),
                None => set_control(preset, name, value),
            };
            outcome.map_err(|message| format!("--set {name}={value}: {message}"))?;
        }
        Ok(())
    }
}

fn set_control(preset: &mut Preset, name: &str, value: &str) -> Result<(), String> {
    let Some(control) = preset.control(name).cloned() else {
        let settings = ["key", "tempo", "meter", "intensity", "seed"];
        let names: Vec<&str> = preset.controls.iter().map(|c| c.name.as_str()).chain(settings).collect();
        let hint = match nearest(name, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}, and parameters as node.param", names.join(", ")),
        };
        return Err(format!("the preset has no control `{name}`; {hint}"));
    };
    let spec = ParamSpec {
        unit: control.unit,
        range: control.range,
        ..ParamSpec::new("value", Unit::Plain, 0.0, 1.0, 0.0)
    };
    let Amount::Value(value) = spec.read(value, Meter::COMMON)? else {
        return Err("a control cannot stand at a musical length".into());
    };
    for target in control.targets.clone() {
        let value = target.stretch.map_or(value, |range| range.value(value));
        preset.change_node(target.node, |node| node.params[target.param].amount = Amount::Value(value));
    }
    Ok(())
}

fn set_param(preset: &mut Preset, node: &str, param: &str, value: &str) -> Result<(), String> {
    let meter = preset.settings().meter;
    let Some((index, entry)) = preset.node(node) else {
        let names: Vec<&str> = preset.nodes.iter().map(|node| node.name.as_str()).collect();
        let hint = nearest(node, &names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return Err(format!("no node is called `{node}`{hint}"));
    };
    let Some(slot) = entry.params.iter().position(|entry| entry.spec.name == param) else {
        let names: Vec<&str> = entry.params.iter().map(|entry| entry.spec.name).collect();
        return Err(format!("`{node}` has no parameter `{param}`; it has {}", names.join(", ")));
    };
    let entry = &preset.nodes[index].params[slot];
    if entry.modulation.as_ref().is_some_and(|m| matches!(m.reach, ParamReach::Span { .. })) {
        return Err(format!("`{node}.{param}` is moved by a node from end to end"));
    }
    let amount = entry.spec.read(value, meter)?;
    preset.change_node(index, |node| node.params[slot].amount = amount);
    Ok(())
}

/// Plays every effect that can be mixed in dry, whatever moves its `mix`.
pub fn dry(preset: &mut Preset) {
    for index in 0..preset.nodes.len() {
        let node = &preset.nodes[index];
        let takes_audio = node.ports.inputs.iter().any(|port| port.is_audio());
        let Some(slot) = node.params.iter().position(|param| takes_audio && param.spec.name == "mix") else {
            continue;
        };
        preset.change_node(index, |node| {
            node.params[slot].amount = Amount::Value(0.0);
            node.params[slot].modulation = None;
        });
        for control in &mut preset.controls {
            control.targets.retain(|target| (target.node, target.param) != (index, slot));
        }
    }
}

/// Mutes every source but one, and lets no node write files.
pub fn solo(preset: &mut Preset, source: usize) {
    for other in preset.sources().into_iter().filter(|other| *other != source) {
        preset.change_node(other, |node| {
            if let Some(mute) = node.params.iter_mut().find(|param| param.spec.name == "mute") {
                mute.amount = Amount::Value(1.0);
            }
        });
    }
    for index in 0..preset.nodes.len() {
        if preset.nodes[index].kind.role == Role::FileSink {
            // No longer a root, and nothing listens to it: it is pruned.
            preset.change_node(index, |node| node.kind.role = Role::Part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auralis_graph::{Source, places::Places};

    const TEXT: &str = "auralis: 1
nodes:
  a: { type: noise, gain: -20 dB }
  b: { type: noise }
  m: { type: mix, in: [a, b] }
  out: { type: output, in: m }
expose:
  width: { to: { param: m.width, min: 0.5, max: 1.5 }, default: 0.5 }
";

    fn preset(pairs: &[&str]) -> Result<Preset, String> {
        let pairs: Vec<String> = pairs.iter().map(ToString::to_string).collect();
        let sets = Sets::read(&pairs, None)?;
        let source = Source::new("t", TEXT);
        let catalogue = auralis_nodes::catalogue();
        let mut preset = Preset::read_as(&source, &catalogue, &Places::default(), &sets.settings).unwrap();
        sets.apply(&mut preset)?;
        Ok(preset)
    }

    #[test]
    fn sets_reach_settings_controls_and_parameters() {
        let preset =
            preset(&["key=C# dorian", "bpm=88.5", "intensity=40%", "width=1", "a.gain=-6 dB"]).unwrap();
        let settings = preset.settings();
        assert_eq!((settings.key.to_string().as_str(), settings.tempo), ("C# dorian", 88.5));
        assert_eq!(settings.intensity, 0.4);
        assert_eq!(preset.nodes[2].params[0].amount, Amount::Value(1.5));
        assert_eq!(preset.nodes[0].params[0].amount, Amount::Value(-6.0));
    }

    #[test]
    fn what_cannot_be_set_is_explained() {
        for (pair, words) in [
            ("width", "write NAME=VALUE"),
            ("widht=1", "did you mean `width`?"),
            ("width=3", "must be a fraction between 0 and 1"),
            ("c.gain=3", "no node is called `c`"),
            ("a.gane=3", "it has gain, mute"),
            ("a.gain=3 Hz", "wrong unit"),
            ("key=H", "not a key"),
        ] {
            let message = preset(&[pair]).unwrap_err();
            assert!(
                message.contains(words)
                    || words.starts_with("must be a fraction") && message.contains("between 0 and 1"),
                "{message}"
            );
        }
    }

    #[test]
    fn dry_effects_stay_dry() {
        let text = "auralis: 1
nodes:
  a: { type: noise }
  far: { type: reverb, in: a, mix: 0.5 }
  out: { type: output, in: far }
expose:
  space: { to: far.mix }
";
        let mut preset =
            Preset::read(&Source::new("t", text), &auralis_nodes::catalogue(), &Places::default()).unwrap();
        let mix = preset.nodes[1].params.iter().position(|param| param.spec.name == "mix").unwrap();
        assert_eq!(preset.nodes[1].params[mix].amount, Amount::Value(0.5));
        dry(&mut preset);
        assert_eq!(preset.nodes[1].params[mix].amount, Amount::Value(0.0));
        assert!(preset.controls[0].targets.is_empty(), "no listener brings it back");
    }

    #[test]
    fn stems_are_the_sources() {
        let mut preset = preset(&[]).unwrap();
        assert_eq!(preset.sources(), [0, 1]);
        solo(&mut preset, 1);
        assert_eq!(preset.nodes[0].params[1].amount, Amount::Value(1.0));
        assert_eq!(preset.nodes[1].params[1].amount, Amount::Value(0.0));
    }
}
