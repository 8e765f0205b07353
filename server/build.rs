//! What is embedded is looked at again when a file comes or goes.

fn main() {
    println!("cargo::rerun-if-changed=client");
    println!("cargo::rerun-if-changed=../presets");
}
