//! Any bytes over a listener's WebSocket: no panic, no hang, and no answer larger than it may be.
#![no_main]

use auralis::web::testing::hear;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    hear(bytes);
});
