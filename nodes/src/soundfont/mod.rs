//! `soundfont`: plays SoundFonts through rustysynth.

mod config;
mod font;
mod oversample;
mod player;
mod reverb;
mod riff;
mod tables;
#[cfg(test)]
mod tests;

use auralis_graph::param::ParamSpec;
use auralis_graph::places::Places;
use auralis_graph::port::Ports;
use auralis_graph::{Node, NodeError, Prepare, Prepared, Tail};
use config::SoundfontConfig;
pub use font::held;
use player::Player;

/// The node; its audio half is [`Player`].
pub struct Soundfont;

const REVERB_LEVEL: usize = 0;

impl Node for Soundfont {
    const KIND: &'static str = "soundfont";
    const ABOUT: &'static str = "Plays notes with the sampled instruments of a SoundFont.

`file: default` is the font that ships with Auralis, made for ambient music. Its programs, in bank 0:

| program | instrument | good for |
| --- | --- | --- |
| 0 | Felt Piano | melodies and chords, close and soft; brightens with velocity |
| 1 | Glass Bells | high single notes that ring on after their end |
| 2 | Warm Pad | chords; slow attack, drifting filter |
| 3 | Airy Pad | chords above the middle; breath and hollow vowels |
| 4 | Tine Piano | melodies and arpeggios; barks when played hard |
| 5 | Strings | chords and lines, muted, from C2 up |
| 6 | Choir | chords between \"oo\" and \"ah\" |
| 7 | Harp | arpeggios; its strings ring on |
| 8 | Bass | plucked, round, in the middle of the image |
| 9 | Kalimba | short high figures |
| 10 | Vibraphone | slow chords and melodies with a gentle motor |
| 11 | Drone | one low note that lives for minutes |
| 12 | Celesta | sparse high melodies |
| 13 | Bowed Glass | still lines and chords |
| 14 | Flute | breathy melodies, with a late vibrato |
| 15 | Sub | the octave below everything |

`file: system` is the machine's General MIDI font: the file that `AURALIS_SOUNDFONT` names, else the first found in
/usr/share/sounds/sf2 and /usr/share/soundfonts. Any other word is an .sf2 file, looked for beside the preset and in
the user's `soundfonts` folder. A font is loaded once, however many nodes play it.

`program` and `bank` count from 0 and hold for all channels; `channels` gives single ones another program. The
composer's chords, melody and bass come on channels 0, 1 and 2. There is no drum channel by itself: in a General MIDI
font `channels: { 9: { bank: 128 } }` makes one.

Keys are rounded to the nearest semitone. A key that is struck again while it sounds is struck anew, and held until
the last of its notes ends. Bend (up to 48 semitones), pressure (as vibrato) and the sustain pedal act on a whole
channel; those of a single note act where it is the only one held on its channel.

Notes start up to `precision` frames early, at the border of rustysynth's block; 8 costs about twice the time of 32.
The reverb belongs to the instrument; `reverb_level: 0` leaves the space to other nodes, and saves its time.";
    const EXAMPLE: &'static str = "
keys: { type: midi_in }
piano: { type: soundfont, in: keys, program: 0, channels: { 1: { program: 7 }, 2: { program: 8 } } }
out: { type: output, in: piano }";
    const PARAMS: &'static [ParamSpec] = &[ParamSpec::ratio("reverb_level", 0.2)
        .about("Level of the instrument's own reverb beside the dry sound; 0 switches it off.")];
    type Config = SoundfontConfig;

    fn ports(_config: &SoundfontConfig) -> Ports {
        Ports::instrument()
    }

    fn check(config: &SoundfontConfig, places: &Places) -> Vec<NodeError> {
        config.check(places)
    }

    fn prepare(config: &SoundfontConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let source = config.source(cx.places)?;
        if let Some(file) = source.version()? {
            cx.reads(file);
        }
        let font = source.load()?;
        let count = cx.voices(config.voices as u32);
        let player = Player::new(font, config, Some(count), cx.sample_rate)?;
        let tail = player.tail();
        Ok(Prepared::new(player).tail(Tail::Frames(tail)))
    }
}
