//! `composer`: endless music from a key, an intensity and a seed. Composition is a function of seed, settings and
//! position; nothing here remembers what was played. What is held on a keyboard leads composed notes to other keys, and
//! changes nothing of what is composed.

mod bass;
mod brief;
mod chain;
mod config;
mod fit;
mod form;
mod hands;
mod harmony;
mod melody;
mod metre;
mod motif;
mod pads;
mod performance;
mod phrase;
mod player;
mod score;
mod sent;
mod signature;
mod tune;
mod voicing;

pub use chain::AMBIENT;
pub use config::{ComposerConfig, Follow, Pedal, PhraseLength, Texture};
pub use harmony::{Chord, ChordKind, DEGREE_NAMES, DEGREES, Palette, PitchClasses};
pub use performance::{Event, Held, Performance};
pub use phrase::{MAX_CHORDS, MAX_NOTES, Note, Part, Phrase, PhraseGrid};
pub use score::Score;

use auralis_graph::node::Role;
use auralis_graph::places::Places;
use auralis_graph::port::{Polarity, PortSpec, Ports};
use auralis_graph::{Node, NodeError, Prepare, Prepared, Tail};
use std::sync::Arc;

/// The composer's node. It publishes its [`PhraseGrid`].
pub struct Composer;

impl Node for Composer {
    const KIND: &'static str = "composer";
    const ABOUT: &'static str = "Composes endless music: chords, a melody and a bass, by key, tempo, intensity and seed.

The music has form at every scale. Short motifs are stated, answered, turned round, slowed down and brought back
minutes later; phrases of 8 or 16 bars have one climax and a long last note; sections of a few minutes choose who
plays and how; chapters of about twenty minutes have an arc of tension and motifs of their own. No phrase returns
note for note within half an hour, unless `refrain` asks for it.

`intensity` (a setting of the preset, or of this node) moves many things a little: how many notes there are, how
often chords change, how many voices they have, how rich they are, how loud. 0 is nearly nothing but alive, 1 is
full but not loud. The same seed gives the same piece; each composer of a preset has its own, by its name.

With `in` it follows who plays along. While keys are held, pads and bass move to the tones of that chord, the bass to
its lowest key, and the melody stands on it and passes by what fits; rhythm, course, register and density stay as they
are composed. One key asks for the triad of its scale, several of different names are the chord themselves. What sounds
moves with the chord at once, and is struck again only where its key changes; a finger that lets go counts for another
80 ms, unless a new one comes. A sustain pedal keeps the chord. Once all is let go the composed harmony comes back with
its next chord. Where nobody plays, all is as without.

`chords`, `melody` and `bass` go to instruments, on channels 0, 1 and 2. `tension` is a slow curve from 0 to 1 for
filters, sends and levels: it follows the form and the intensity. A change of key, intensity or seed takes hold at
the next phrase, or at the next bar or beat by `follow`.";
    const EXAMPLE: &'static str = "
hands: { type: midi_in }
composer: { type: composer, in: hands, phrase: 8 bars, intensity: 0.6 }
keys: { type: midi_out, in: [composer.chords, composer.melody, composer.bass] }";
    const ROLE: Role = Role::Composer;
    const SETTINGS: bool = true;
    type Config = ComposerConfig;

    fn ports(_config: &ComposerConfig) -> Ports {
        Ports::new(
            [PortSpec::notes("in").optional().about("A chord that is held, for the harmony to follow.")],
            [
                PortSpec::notes("chords").about("Pads, channel 0."),
                PortSpec::notes("melody").about("The melody, channel 1."),
                PortSpec::notes("bass").about("The bass, one note at a time, channel 2."),
                PortSpec::control("tension", Polarity::Unipolar).about(
                    "How tense the music is, from 0 to 1: moves over minutes, and with the intensity.",
                ),
            ],
        )
    }

    fn check(config: &ComposerConfig, _places: &Places) -> Vec<NodeError> {
        config.check()
    }

    fn prepare(config: &ComposerConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let score = Score::new(config, cx.settings.meter, cx.seed_name)?;
        cx.publish(Arc::new(score.grid()));
        Ok(Prepared::new(player::Player::new(score)).tail(Tail::Endless))
    }
}
