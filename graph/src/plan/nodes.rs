//! The nodes of a running graph, and what an edit looks at of each. Control side.

use super::Widths;
use super::build::{Known, Offers, Plan};
use super::part::Part;
use super::program::is_centred;
use super::socket::Wanted;
use crate::command::NodeId;
use crate::controller::{Directory, Listed};
use crate::engine::Peaks;
use crate::node::{Outlet as Offered, Tail};
use crate::param::Amount;
use crate::places::{Places, Version};
use crate::port::PacketFlow;
use crate::preset::{NodeEntry, ParamEntry, Preset, Priority};
use crate::voices::Voices;
use rpds::{HashTrieMapSync, VectorSync};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// A node that runs, and what it was prepared for: another one that would be prepared for the same is the same.
pub(crate) struct Running {
    pub part: Part,
    pub prepared: Traits,
    pub packets: Vec<Option<PacketFlow>>,
    pub advance: u32,
    /// What [`super::Topology`] says of it.
    pub print: u64,
    /// The tempo of the piece when it was found how far modulations move it.
    pub tempo: f64,
}

/// What came of preparing a node, besides its cell.
#[derive(Clone)]
pub(crate) struct Traits {
    pub latency: u32,
    pub tail: Tail,
    pub offers: Vec<Offered>,
    /// Files that it was made from.
    pub files: Vec<Version>,
    pub voices: Option<Voices>,
    pub peaks: Peaks,
    /// Why it is silent, where it was to play a file that is missing.
    pub missing: Option<String>,
}

impl Running {
    /// Whether a node that would be prepared for this is the same node: only its connections and the values of its
    /// parameters may differ.
    pub fn is_like(
        &self,
        node: &NodeEntry,
        widths: &Widths,
        packets: &[Option<PacketFlow>],
        advance: u32,
    ) -> bool {
        let entry = &self.part.entry;
        entry.kind.name == node.kind.name
            && entry.config.json == node.config.json
            && entry.seed_as == node.seed_as
            && entry.overrides == node.overrides
            && self.part.widths == *widths
            && self.packets == packets
            && self.advance == advance
    }

    /// Whether it would be silent again, for want of the same file, if it were prepared anew.
    pub fn still_misses(&self, places: &Places) -> bool {
        let entry = &self.part.entry;
        let mistakes = entry.kind.check(&entry.config, places);
        let why = mistakes.iter().find(|mistake| places.forgives(mistake));
        why.map(|mistake| mistake.of_silent(&entry.name)) == self.prepared.missing
    }
}

/// Numbers for nodes, each given again only some edits after its node has gone: what is still said of that means no
/// other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Numbers {
    end: u32,
    edit: u32,
    /// With the edits after which they were free.
    free: VecDeque<(u32, u32)>,
}

/// Edits for which a number rests. Commands for a graph are dropped after two.
const RESTING: u32 = 8;

impl Numbers {
    pub fn take(&mut self) -> u32 {
        match self.free.front().copied() {
            Some((number, edit)) if self.edit.wrapping_sub(edit) > RESTING => {
                self.free.pop_front();
                number
            }
            _ => {
                self.end += 1;
                self.end - 1
            }
        }
    }

    fn give_back(&mut self, number: u32) {
        self.free.push_back((number, self.edit));
    }
}

/// What is looked at of every node in every edit, without going where its parts lie.
#[derive(Debug, Clone, Copy)]
struct Facts {
    print: u64,
    heard: u32,
    lead: u32,
    latency: u32,
    tail: Tail,
    offers: bool,
    files: bool,
    missing: bool,
    voices: u32,
    musical: bool,
    low: bool,
    /// The tempo on which it depends how far a modulation moves it.
    tempo: Option<f64>,
}

impl Facts {
    const NONE: Self = Self {
        print: 0,
        heard: 0,
        lead: 0,
        latency: 0,
        tail: Tail::Frames(0),
        offers: false,
        files: false,
        missing: false,
        voices: 0,
        musical: false,
        low: false,
        tempo: None,
    };

    fn of(node: &Running) -> Self {
        let entry = &node.part.entry;
        Self {
            print: node.print,
            heard: node.part.heard,
            lead: node.part.lead,
            latency: node.prepared.latency,
            tail: node.prepared.tail,
            offers: !node.prepared.offers.is_empty(),
            files: !node.prepared.files.is_empty(),
            missing: node.prepared.missing.is_some(),
            voices: node.prepared.voices.as_ref().map_or(0, Voices::most),
            musical: musical(entry).next().is_some(),
            low: entry.priority == Priority::Low,
            tempo: Some(node.tempo).filter(|_| has_depth_around_a_length(entry)),
        }
    }
}

/// Whether a modulation reaches so far around a musical length that follows the tempo of the piece.
fn has_depth_around_a_length(entry: &NodeEntry) -> bool {
    let around = |param: &ParamEntry| matches!(param.amount, Amount::Length { .. }) && is_centred(param);
    entry.overrides.tempo.is_none() && entry.params.iter().any(around)
}

/// Parameters whose musical length follows the tempo of the piece.
fn musical(entry: &NodeEntry) -> impl Iterator<Item = u16> + '_ {
    let params = entry.params.iter().enumerate().filter(|_| entry.overrides.tempo.is_none());
    params.filter(|(_, param)| param.spec.musical).map(|(slot, _)| slot as u16)
}

/// The nodes of a running graph, by their numbers.
#[derive(Default)]
pub(crate) struct Nodes {
    list: Vec<Option<Running>>,
    facts: Vec<Facts>,
    pub numbers: Numbers,
    /// In text order, and in an order in which they can run.
    text: Arc<[u32]>,
    sequence: Vec<u32>,
    /// What controllers know.
    names: HashTrieMapSync<String, NodeId>,
    listed: VectorSync<Option<Listed>>,
    /// Of all nodes, those that a tempo moves, and those of low priority.
    pub musical: Arc<[(u32, u16)]>,
    pub sheddable: Arc<[u32]>,
}

impl Nodes {
    pub fn get(&self, number: u32) -> Option<&Running> {
        self.list.get(number as usize)?.as_ref()
    }

    /// The one of a name.
    pub fn named(&self, name: &str) -> Option<&Running> {
        self.get(self.names.get(name)?.0)
    }

    /// All of them, by their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Running)> {
        self.list.iter().zip(0..).filter_map(|(node, number)| Some((number, node.as_ref()?)))
    }

    /// All of them, in running order.
    pub fn sequence(&self) -> &[u32] {
        &self.sequence
    }

    /// When sound arrives at and leaves a node.
    pub fn timing(&self, number: u32) -> (u32, u32) {
        let facts = &self.facts[number as usize];
        (facts.heard, facts.lead)
    }

    /// For each node of a preset the one that runs under its name. Most are found by their place among the others.
    pub fn find(&self, wanted: &Wanted<'_>, tempo: f64, anew: &BTreeSet<String>) -> Vec<Option<Known>> {
        let mut known = vec![None; wanted.count()];
        let running: Vec<usize> = wanted.running().collect();
        let is_same = |(index, number): &(usize, u32)| {
            let facts = &self.facts[*number as usize];
            wanted.print(*index) == facts.print && facts.tempo.is_none_or(|before| before == tempo)
        };
        let alike = |pairs: &mut dyn Iterator<Item = (usize, u32)>| pairs.take_while(is_same).count();
        let text = || self.text.iter().copied();
        let first = alike(&mut running.iter().copied().zip(text()));
        let last = alike(&mut running[first..].iter().copied().rev().zip(text().skip(first).rev()));
        let ends = (running.len() - last, self.text.len() - last);
        let pairs = (0..first).map(|at| (at, at)).chain((0..last).map(|at| (ends.0 + at, ends.1 + at)));
        for (at, before) in pairs {
            known[running[at]] = Some(Known { number: self.text[before], same: true });
        }
        for index in running[first..ends.0].iter().copied() {
            let number = self.names.get(&wanted.entry(index).name).map(|node| node.0);
            known[index] = number.map(|number| Known { number, same: is_same(&(index, number)) });
        }
        let anew: Vec<u32> = anew.iter().filter_map(|name| Some(self.names.get(name)?.0)).collect();
        if !anew.is_empty() {
            let taken =
                known.iter_mut().filter(|known| known.is_some_and(|known| anew.contains(&known.number)));
            taken.for_each(|known| *known = None);
        }
        known
    }

    /// Those that are not in a list.
    pub fn not_among(&self, numbers: &[u32]) -> Vec<u32> {
        let mut there = vec![false; self.list.len()];
        for number in numbers {
            if let Some(there) = there.get_mut(*number as usize) {
                *there = true;
            }
        }
        self.text.iter().copied().filter(|number| !there[*number as usize]).collect()
    }

    /// Becomes what was planned.
    pub fn take_over(&mut self, plan: Plan) {
        let flags = |facts: &Facts| (facts.musical, facts.low);
        let (mut musical_differs, mut low_differs) = (false, false);
        let mut note = |facts: &Facts| {
            let (musical, low) = flags(facts);
            (musical_differs, low_differs) = (musical_differs | musical, low_differs | low);
        };
        self.numbers = plan.numbers;
        self.numbers.edit = self.numbers.edit.wrapping_add(1);
        for number in plan.leaving {
            let index = number as usize;
            note(&self.facts[index]);
            self.facts[index] = Facts::NONE;
            self.listed.set_mut(index, None);
            self.numbers.give_back(number);
            if let Some(node) = self.list[index].take() {
                self.names.remove_mut(&node.part.entry.name);
            }
        }
        for changed in plan.changed {
            let (index, node) = (changed.number as usize, changed.node);
            while self.list.len() <= index {
                self.list.push(None);
                self.facts.push(Facts::NONE);
                self.listed.push_back_mut(None);
            }
            note(&self.facts[index]);
            self.facts[index] = Facts::of(&node);
            note(&self.facts[index]);
            let entry = Arc::clone(&node.part.entry);
            if changed.fresh {
                self.names.insert_mut(entry.name.clone(), NodeId(changed.number));
            }
            let peaks = Arc::clone(&node.prepared.peaks);
            self.listed.set_mut(index, Some(Listed { entry, peaks }));
            self.list[index] = Some(node);
        }
        (self.text, self.sequence) = (plan.text.into(), plan.sequence);
        if musical_differs {
            let musical = self
                .flagged(|facts| facts.musical)
                .flat_map(|(number, node)| musical(&node.part.entry).map(move |slot| (number, slot)));
            self.musical = musical.collect();
        }
        if low_differs {
            self.sheddable = self.flagged(|facts| facts.low).map(|(number, _)| number).collect();
        }
    }

    fn flagged(&self, is: impl Fn(&Facts) -> bool) -> impl Iterator<Item = (u32, &Running)> {
        let numbers = self.text.iter().copied().filter(move |number| is(&self.facts[*number as usize]));
        numbers.filter_map(|number| Some((number, self.get(number)?)))
    }

    /// Nodes that were made from files.
    pub fn of_files(&self) -> impl Iterator<Item = &Running> {
        self.flagged(|facts| facts.files).map(|(_, node)| node)
    }

    /// Nodes that are silent for want of a file.
    pub fn without_file(&self) -> impl Iterator<Item = &Running> {
        self.flagged(|facts| facts.missing).map(|(_, node)| node)
    }

    /// What is told of those.
    pub fn missing(&self) -> Vec<String> {
        self.without_file().filter_map(|node| node.prepared.missing.clone()).collect()
    }

    /// How many voices all instruments together can sound.
    pub fn most_voices(&self) -> u32 {
        self.text.iter().map(|number| self.facts[*number as usize].voices).fold(0, u32::saturating_add)
    }

    /// How long the graph sounds after everything in it fell silent: tails in a row add up.
    pub fn tail(&self) -> Tail {
        let facts = self.text.iter().map(|number| &self.facts[*number as usize]);
        facts.fold(Tail::Frames(0), |tail, facts| longer(tail, facts.tail, facts.latency))
    }

    pub fn offers(&self) -> Offers {
        let numbers = self.sequence.iter().filter(|number| self.facts[**number as usize].offers);
        let offers = numbers.filter_map(|number| self.get(*number)).flat_map(|node| {
            node.prepared.offers.iter().map(|offer| (node.part.entry.name.clone(), Arc::clone(offer)))
        });
        Offers(offers.collect())
    }

    pub fn directory(&self, preset: &Preset) -> Directory {
        Directory {
            names: self.names.clone(),
            nodes: self.listed.clone(),
            text: Arc::clone(&self.text),
            controls: preset.controls.clone(),
            voices: self
                .flagged(|facts| facts.voices > 0)
                .filter_map(|(_, node)| node.prepared.voices.clone())
                .collect(),
        }
    }
}

fn longer(a: Tail, b: Tail, latency: u32) -> Tail {
    match (a, b) {
        // Tails in a row add up.
        (Tail::Frames(a), Tail::Frames(b)) => {
            Tail::Frames(a.saturating_add(b).saturating_add(u64::from(latency)))
        }
        _ => Tail::Endless,
    }
}
