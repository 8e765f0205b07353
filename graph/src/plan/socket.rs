//! What runs in which socket.

use super::Widths;
use super::topology::print;
use crate::catalogue::Catalogue;
use crate::node::Role;
use crate::port::PortKind;
use crate::preset::{NodeEntry, Outlet, Preset};
use std::sync::Arc;

/// What the engine is put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Socket {
    /// An instrument in a DAW.
    Plugin,
    /// A file.
    Render,
    /// A station that listeners hear.
    Server,
    /// The machine's own audio device.
    Play,
}

impl Socket {
    /// Whether a node of this role is a root here: it runs, and so does all that reaches it.
    pub fn has_root(self, role: Role) -> bool {
        match role {
            Role::Output => !matches!(self, Socket::Server),
            Role::NotesOut => matches!(self, Socket::Plugin | Socket::Play),
            Role::FileSink => matches!(self, Socket::Render | Socket::Server),
            Role::Ring => self == Socket::Server,
            Role::Part | Role::Encoder | Role::Meter | Role::NotesIn | Role::Composer => false,
        }
    }
}

/// A preset's nodes as a socket runs them: those that are roots there, all that reaches them, meters on what runs, the
/// ring that a server needs, and the outlets for notes that a host needs. Nodes have the preset's numbers; what is added
/// follows.
pub(crate) struct Wanted<'p> {
    preset: &'p Preset,
    added: Vec<Added>,
    runs: Vec<bool>,
}

/// A node that no text has.
struct Added {
    entry: Arc<NodeEntry>,
    widths: Widths,
    print: u64,
    source: Outlet,
}

impl<'p> Wanted<'p> {
    pub fn new(preset: &'p Preset, socket: Socket, catalogue: &Catalogue) -> Self {
        let mut wanted = Self { preset, added: Vec::new(), runs: Vec::new() };
        match socket {
            Socket::Server => wanted.add_ring(catalogue),
            Socket::Plugin => wanted.add_notes_out(catalogue),
            Socket::Render | Socket::Play => {}
        }
        wanted.keep(socket);
        wanted
    }

    /// How many there are, with those that do not run.
    pub fn count(&self) -> usize {
        self.preset.nodes.len() + self.added.len()
    }

    /// Those that run, in text order.
    pub fn running(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.count()).filter(|node| self.runs[*node])
    }

    /// Those that run, each after what it listens to.
    pub fn sequence(&self) -> impl Iterator<Item = usize> + '_ {
        let added = self.preset.nodes.len()..self.count();
        self.preset.topology.order.sequence.iter().copied().chain(added).filter(|node| self.runs[*node])
    }

    pub fn runs(&self, node: usize) -> bool {
        self.runs[node]
    }

    pub fn entry(&self, node: usize) -> &Arc<NodeEntry> {
        self.added(node).map_or_else(|| &self.preset.nodes[node], |added| &added.entry)
    }

    pub fn widths(&self, node: usize) -> &Widths {
        self.added(node).map_or_else(|| &self.preset.topology.widths[node], |added| &added.widths)
    }

    /// What [`super::Topology`] says.
    pub fn print(&self, node: usize) -> u64 {
        self.added(node).map_or_else(|| self.preset.topology.prints[node], |added| added.print)
    }

    pub fn role(&self, node: usize) -> Role {
        self.added(node).map_or_else(|| self.preset.topology.roles[node], |added| added.entry.kind.role)
    }

    /// What a node listens to.
    pub fn sources(&self, node: usize) -> &[Outlet] {
        match self.added(node) {
            Some(added) => std::slice::from_ref(&added.source),
            None => self.preset.topology.sources(node),
        }
    }

    /// Whether a node hears what others say late, to close a loop.
    pub fn closes(&self, node: usize) -> bool {
        self.added(node).is_none() && self.preset.topology.order.closes[node]
    }

    /// Whether the connection between two nodes carries the quantum before.
    pub fn is_cut(&self, from: usize, to: usize) -> bool {
        self.closes(to) && self.preset.topology.order.is_cut(from, to)
    }

    fn added(&self, node: usize) -> Option<&Added> {
        self.added.get(node.checked_sub(self.preset.nodes.len())?)
    }

    /// Gives a preset without a ring the encoder and ring that a server needs, behind its first `output`.
    fn add_ring(&mut self, catalogue: &Catalogue) {
        let roles = &self.preset.topology.roles;
        if roles.contains(&Role::Ring) {
            return;
        }
        let Some(output) = roles.iter().position(|role| *role == Role::Output) else { return };
        let first = |node| Outlet { node, port: 0 };
        let Some(encoder) = self.add(catalogue, Role::Encoder, first(output), "") else { return };
        self.add(catalogue, Role::Ring, first(encoder), "");
    }

    /// Gives a preset without an outlet for notes one behind each output of each composer, by text and ports.
    fn add_notes_out(&mut self, catalogue: &Catalogue) {
        if self.preset.topology.roles.contains(&Role::NotesOut) {
            return;
        }
        for (node, entry) in self.preset.nodes.iter().enumerate() {
            if self.role(node) != Role::Composer {
                continue;
            }
            for (port, spec) in entry.ports.outputs.iter().enumerate() {
                if matches!(spec.kind, PortKind::Notes { .. }) {
                    let of = format!(" {}.{}", entry.name, spec.name);
                    self.add(catalogue, Role::NotesOut, Outlet { node, port }, &of);
                }
            }
        }
    }

    /// Adds a node behind an output, named by its kind and `of`, where there is a kind of this role.
    fn add(&mut self, catalogue: &Catalogue, role: Role, source: Outlet, of: &str) -> Option<usize> {
        let kind = *catalogue.iter().find(|kind| kind.role == role)?;
        // A name that no text can hold never meets one of the preset's.
        let name = format!("({}{of})", kind.name);
        let entry = NodeEntry::plain(kind, name, source, self.entry(source.node).span)?;
        let mut widths = Widths::narrowest(&entry);
        widths.widen(&entry, |from| Some(self.widths(from.node).outputs[from.port]));
        let print = print(&entry, &widths, |from| &**self.entry(from.node), |_| false);
        self.added.push(Added { entry: Arc::new(entry), widths, print, source });
        Some(self.count() - 1)
    }

    /// Finds what runs in a socket.
    fn keep(&mut self, socket: Socket) {
        self.runs = vec![false; self.count()];
        let roots = (0..self.count()).filter(|node| socket.has_root(self.role(*node))).collect();
        self.reach(roots);
        loop {
            // A meter lives where its input lives, and so may a meter behind a meter.
            let meters: Vec<usize> = (0..self.count())
                .filter(|node| !self.runs[*node] && self.role(*node) == Role::Meter)
                .filter(|node| self.entry(*node).inputs.iter().flatten().any(|c| self.runs[c.from.node]))
                .collect();
            if meters.is_empty() {
                return;
            }
            self.reach(meters);
        }
    }

    fn reach(&mut self, roots: Vec<usize>) {
        let mut open = roots;
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut self.runs[node], true) {
                open.extend(self.sources(node).iter().map(|outlet| outlet.node));
            }
        }
    }
}
