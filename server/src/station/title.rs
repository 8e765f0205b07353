//! What plays, in words for players.

use super::Shared;

impl Shared {
    /// What plays now, in one line: its author where it has one, its title, key, tempo and phrase.
    pub fn title(&self) -> String {
        let current = self.current();
        let sounding = current.controller.settings(current.piece);
        let author = current.preset.info.author.as_ref().map(|author| format!("{author} - "));
        let tempo = (sounding.tempo * 10.0).round() / 10.0;
        let phrase = self.phrases().saturating_sub(1);
        let (author, title) = (author.unwrap_or_default(), current.preset.title());
        format!("{author}{title} ({}, {tempo} BPM, phrase {phrase})", sounding.key)
    }

    /// The same as tags of a file or stream, as Vorbis calls them: (name, value).
    pub fn tags(&self) -> Vec<(&'static str, String)> {
        let current = self.current();
        let info = &current.preset.info;
        let mut tags = vec![("TITLE", current.preset.title().to_string())];
        tags.extend(info.author.clone().map(|author| ("ARTIST", author)));
        tags.extend(self.name.clone().map(|name| ("ORGANIZATION", name)));
        tags.extend(info.description.clone().map(|text| ("DESCRIPTION", text)));
        tags
    }

    /// The station's name in its address; private ones have none.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}
