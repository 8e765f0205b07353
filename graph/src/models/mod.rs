//! Models of what threads hand to each other, run by loom in every order that the language allows: `cargo xtask loom`.
//! The code is the product's own; only the types of [`crate::sync`] are others. One file for each hand-over.

mod handover;
mod scope;
mod tasks;

use loom::thread;

/// Stack of a model's threads, in words: whole engines are made on it.
const STACK: usize = 0x2_0000;

/// Runs a model in all orders.
fn check(run: impl Fn() + Send + Sync + Clone + 'static) {
    check_up_to(None, run);
}

/// Runs a model in all orders with so many interruptions at most, where all would be too many.
fn check_up_to(interruptions: Option<usize>, run: impl Fn() + Send + Sync + Clone + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 20_000;
    builder.preemption_bound = interruptions;
    builder.check(move || spawn(run.clone()).join().expect("the model holds"));
}

fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::Builder::new().stack_size(STACK).spawn(run).expect("a model has few threads")
}
