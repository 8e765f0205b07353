//! What holds for every text that is read as a preset, whoever wrote it.

use crate::catalogue::Catalogue;
use crate::places::Places;
use crate::preset::Preset;
use crate::source::Source;
use crate::yaml;

/// Reads a text that a stranger sent, and says of it all that can be said. What is accepted has one canonical form,
/// which is accepted too. Returns whether it was.
///
/// # Panics
/// Where that does not hold.
pub fn hold(text: &str, catalogue: &Catalogue) -> bool {
    let places = Places { confined: Some(Vec::new()), ..Places::default() };
    let read = |text: &str| Preset::read(&Source::new("text.yaml", text), catalogue, &places);
    match read(text) {
        Ok(preset) => {
            preset.warnings.render(true);
            let canonical = preset.expand();
            match read(&canonical) {
                Ok(again) => assert_eq!(again.expand(), canonical, "two canonical forms"),
                // With every value spelled out it may be more than a text may be.
                Err(_) if yaml::parse(&canonical).is_err() && canonical.len() > 4 << 20 => {}
                Err(mistakes) => panic!("{mistakes}"),
            }
            true
        }
        Err(mistakes) => {
            mistakes.render(true);
            mistakes.to_json();
            false
        }
    }
}
