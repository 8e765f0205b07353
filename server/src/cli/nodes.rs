//! `auralis nodes`: the reference of what presets can use.

use super::{Failure, Outcome, print};
use crate::reference;

/// List the nodes that presets can use, or explain one.
#[derive(Debug, clap::Args)]
pub struct Nodes {
    /// The node type to explain.
    kind: Option<String>,
    /// Explain all, as one page of Markdown.
    #[arg(long, conflicts_with = "kind")]
    all: bool,
}

impl Nodes {
    pub(super) fn run(self) -> Outcome {
        let catalogue = auralis_nodes::catalogue();
        if self.all {
            return print(reference::book(&catalogue).trim_end());
        }
        let Some(name) = self.kind else {
            let widest = catalogue.iter().map(|kind| kind.name.len()).max().unwrap_or(0);
            let lines = catalogue.iter().map(|kind| format!("{:widest$}  {}", kind.name, kind.summary()));
            return print(lines.collect::<Vec<_>>().join("\n"));
        };
        match catalogue.get(&name) {
            Some(kind) => print(reference::page(kind).trim_end()),
            None => {
                let names: Vec<&str> = catalogue.iter().map(|kind| kind.name).collect();
                let near = auralis_graph::diagnostic::nearest(&name, &names);
                let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                Err(Failure::Message(format!("there is no node type `{name}`{hint}")))
            }
        }
    }
}
