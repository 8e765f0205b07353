//! The samples of a tapped node, between the audio thread and one who draws them.

use super::{check, spawn};
use crate::dsp::QUANTUM;
use crate::engine::Scope;
use std::sync::Arc;

#[test]
fn a_quantum_is_read_whole_or_as_silence_while_another_takes_its_place() {
    check(|| {
        let scope = Arc::new(Scope::default());
        let tap = scope.open();
        // Of two quanta that are kept, the third takes the place of the first.
        let place = |turn: i64| 2 * turn * QUANTUM as i64;
        scope.write(place(0), tap, |_| 1.0);
        let reader = spawn({
            let scope = Arc::clone(&scope);
            move || {
                let mut read = [9.0; QUANTUM];
                scope.read(tap, place(0) + QUANTUM as i64, &mut read);
                assert!(matches!(read[..2], [1.0, 1.0] | [0.0, 0.0]), "{:?}", &read[..2]);
                scope.read(tap, place(1) + QUANTUM as i64, &mut read);
                assert!(matches!(read[..2], [2.0, 2.0] | [0.0, 0.0]), "{:?}", &read[..2]);
            }
        });
        scope.write(place(1), tap, |_| 2.0);
        reader.join().expect("the reader ends");
        let mut read = [9.0; QUANTUM];
        scope.read(tap, place(1) + QUANTUM as i64, &mut read);
        assert_eq!(read[..2], [2.0, 2.0]);
    });
}
