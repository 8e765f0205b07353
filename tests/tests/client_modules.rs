//! The browser client's modules that need no browser, tested by node's own runner.

use std::path::Path;
use std::process::Command;

#[test]
fn the_clients_modules_pass_their_own_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("client");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.to_string_lossy().ends_with(".test.mjs")).collect();
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    let node = Command::new("node").arg("--test").args(&files).output();
    let output = node.expect("the client's tests need node 18 or newer (Debian: `apt install nodejs`)");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
