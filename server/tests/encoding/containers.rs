//! Streams as players open them: from their start, and joined in the middle.

use super::ears::{self, Sound};
use auralis::encoding::flac::FlacEncoder;
use auralis::encoding::ogg::{FlacPages, OpusPages};
use auralis::encoding::opus::OpusEncoder;
use auralis::encoding::wav;

const TAGS: &[(&str, &str)] = &[("TITLE", "Night Drift"), ("ORGANIZATION", "Größe")];

/// Rates in Hz and milliseconds of a chunk.
const STATIONS: &[(u32, u32)] =
    &[(44_100, 100), (48_000, 100), (8_000, 10), (44_100, 1_000), (96_000, 20), (192_000, 1_000)];

fn chunk(rate: u32, ms: u32) -> usize {
    (f64::from(rate) * f64::from(ms) / 1000.0).round() as usize
}

fn music(rate: u32) -> Sound {
    let tones = ears::tones(rate, 4.0, &[(220.0, 0.3), (277.0, 0.2), (1_500.0, 0.1)]);
    tones.iter().zip(ears::noise(rate, 4.0, 0.02)).map(|(a, b)| a + b).collect()
}

/// Both kinds of FLAC of a station: the head and what each chunk became, from a chunk number on.
fn flac(rate: u32, frames: usize, sound: &[i16], first: u64) -> [(Vec<u8>, Vec<Vec<u8>>); 2] {
    let mut encoder = FlacEncoder::new(rate, frames).unwrap();
    let mut pages = FlacPages::new(77, &encoder);
    let heads = [pages.head().native(TAGS), pages.head().ogg(TAGS)];
    let mut pieces = [Vec::new(), Vec::new()];
    for (index, pcm) in (first..).zip(sound.chunks_exact(2 * frames)) {
        let packets = encoder.encode(index, pcm).unwrap();
        pieces[0].push(packets.bytes().to_vec());
        pieces[1].push(pages.page(index, packets).to_vec());
    }
    let [native, ogg] = pieces;
    let [native_head, ogg_head] = heads;
    [(native_head, native), (ogg_head, ogg)]
}

/// Ogg Opus of a station: the head, and what each chunk became.
fn opus(rate: u32, frames: usize, sound: &[i16], first: u64) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut encoder = OpusEncoder::new(rate, frames, 128_000).unwrap();
    let position = first * frames as u64 * 48_000 / u64::from(rate);
    let mut pages = OpusPages::new(78, &encoder, position);
    let head = pages.head().header(TAGS);
    let pieces = sound.chunks_exact(2 * frames).map(|pcm| pages.page(encoder.encode(pcm).unwrap()).to_vec());
    (head, pieces.collect())
}

#[test]
fn flac_is_the_station_to_the_bit_from_wherever_one_joins() {
    for &(rate, ms) in STATIONS {
        let (frames, sound) = (chunk(rate, ms), music(rate));
        let whole = &sound[..sound.len() / (2 * frames) * 2 * frames];
        for (head, pieces) in flac(rate, frames, &sound, 0) {
            let stream = [head.clone(), pieces.concat()].concat();
            assert!(ears::ffmpeg(&stream, rate) == whole, "{ms} ms at {rate} Hz");
            let from = pieces.len() / 2;
            let joined = [head, pieces[from..].concat()].concat();
            assert!(
                ears::ffmpeg(&joined, rate) == whole[2 * frames * from..],
                "{ms} ms at {rate} Hz, joined"
            );
        }
    }
}

#[test]
fn a_station_that_has_played_for_years_can_be_joined() {
    let (rate, frames) = (44_100, 4_410);
    let sound = music(rate);
    // Two years, and over the end of FLAC's numbers.
    for first in [631_000_000, (1 << 31) - 20] {
        for (head, pieces) in flac(rate, frames, &sound, first) {
            let stream = [head, pieces.concat()].concat();
            assert!(ears::ffmpeg(&stream, rate) == sound, "FLAC from chunk {first}");
            assert!(ears::mpv(&stream) == sound, "FLAC from chunk {first}, mpv");
        }
        let (head, pieces) = opus(rate, frames, &sound, first);
        let stream = [head, pieces.concat()].concat();
        for heard in [ears::ffmpeg(&stream, 48_000), ears::mpv(&stream)] {
            assert!(
                (180_000..=192_000).contains(&(heard.len() / 2)),
                "Opus from chunk {first}: {}",
                heard.len() / 2
            );
            assert!(ears::louder(&sound, &heard).abs() < 0.2, "Opus from chunk {first}");
        }
    }
}

#[test]
fn wav_without_an_end_is_the_station_to_the_bit() {
    for rate in [8_000, 44_100, 192_000] {
        let sound = music(rate);
        let mut stream = wav::header(rate).to_vec();
        stream.extend(sound.iter().flat_map(|x| x.to_le_bytes()));
        assert!(ears::ffmpeg(&stream, rate) == sound, "{rate} Hz");
        assert!(ears::mpv(&stream) == sound, "{rate} Hz, mpv");
    }
}

#[test]
fn ogg_opus_is_as_long_as_the_station_and_in_time_wherever_one_joins() {
    for &(rate, ms) in STATIONS {
        let frames = chunk(rate, ms);
        let sound = ears::tones(rate, 4.0, &[(300.0, 0.5)]);
        let wanted = ears::tones(48_000, 4.0, &[(300.0, 0.5)]);
        let (head, pieces) = opus(rate, frames, &sound, 0);
        // Of a stream that began with the station one hears it from its beginning, less what joining costs.
        let heard = ears::ffmpeg(&[head.clone(), pieces.concat()].concat(), 48_000);
        let missing = 192_000 - heard.len() / 2;
        assert!(missing < 48_000 * ms as usize / 1000 + 8_000, "{ms} ms at {rate} Hz: {missing} are missing");
        let alike = |heard: &[i16], wanted: &[i16]| ears::nearness(&wanted[2 * 4_800..], &heard[2 * 4_800..]);
        let encoder = OpusEncoder::new(rate, frames, 128_000).unwrap();
        let skipped = encoder.delay().max(3_840) - encoder.delay();
        let near = alike(&heard, &wanted[2 * skipped..]);
        assert!(near > 30.0, "{ms} ms at {rate} Hz: {near:.1} dB");
        let from = pieces.len() / 2;
        let joined = ears::ffmpeg(&[head, pieces[from..].concat()].concat(), 48_000);
        // 300 Hz is whole in 160 frames, packets in 960: only the place within these can be told.
        let near = alike(&joined, &wanted[2 * skipped..]);
        assert!(near > 30.0, "{ms} ms at {rate} Hz, joined: {near:.1} dB");
    }
}

#[test]
fn mpv_plays_every_container_joined_in_the_middle() {
    let (rate, frames) = (44_100, 4_410);
    let sound = music(rate);
    for (head, pieces) in flac(rate, frames, &sound, 1_000) {
        assert!(ears::mpv(&[head, pieces[20..].concat()].concat()) == sound[2 * 20 * frames..]);
    }
    let (head, pieces) = opus(rate, frames, &sound, 1_000);
    let heard = ears::mpv(&[head, pieces[20..].concat()].concat());
    assert!((88_000..=96_000).contains(&(heard.len() / 2)), "{}", heard.len() / 2);
    assert!(ears::louder(&sound, &heard).abs() < 0.2);
}

#[test]
fn tags_reach_the_player() {
    let sound = music(44_100);
    let [native, in_ogg] = flac(44_100, 4_410, &sound, 0);
    for (head, pieces) in [native, in_ogg, opus(44_100, 4_410, &sound, 0)] {
        let show = ["-v", "error", "-show_entries", "stream_tags:format_tags", "pipe:0"];
        let told = String::from_utf8(ears::run("ffprobe", &show, &[head, pieces.concat()].concat())).unwrap();
        assert!(told.contains("itle=Night Drift") || told.contains("TITLE=Night Drift"), "{told}");
        assert!(told.contains("Größe"), "{told}");
    }
}

#[test]
fn pages_read_as_the_packets_that_went_in() {
    let sound = music(44_100);
    let mut encoder = OpusEncoder::new(44_100, 4_410, 128_000).unwrap();
    let mut pages = OpusPages::new(78, &encoder, 48_000);
    let (mut stream, mut packets) = (pages.head().header(TAGS), Vec::new());
    for pcm in sound.chunks_exact(8_820) {
        let encoded = encoder.encode(pcm).unwrap();
        packets.extend(encoded.iter().map(<[u8]>::to_vec));
        stream.extend(pages.page(encoded));
    }
    let mut reader = ogg::PacketReader::new(std::io::Cursor::new(stream));
    let head = reader.read_packet_expected().unwrap();
    assert!(head.first_in_stream() && head.data.starts_with(b"OpusHead"));
    assert!(reader.read_packet_expected().unwrap().data.starts_with(b"OpusTags"));
    let mut last = 0;
    for packet in &packets {
        let read = reader.read_packet_expected().unwrap();
        assert!(read.data == *packet && read.stream_serial() == 78);
        last = read.absgp_page();
    }
    assert!(reader.read_packet().unwrap().is_none());
    let skip = u64::from(u16::from_le_bytes(head.data[10..12].try_into().unwrap()));
    assert_eq!(last, 48_000 + skip - encoder.delay() as u64 + 960 * packets.len() as u64);
}

#[test]
fn packets_tell_when_they_begin() {
    for &(rate, ms) in STATIONS {
        let frames = chunk(rate, ms);
        let mut encoder = OpusEncoder::new(rate, frames, 64_000).unwrap();
        let delay = encoder.delay() as f64;
        let mut count = 0;
        for index in 0..200u32 {
            let packets = encoder.encode(&vec![0; 2 * frames]).unwrap();
            let chunk_time = f64::from(index) * frames as f64 / f64::from(rate) * 1e6;
            // What came before, less what the encoder delays.
            let wanted = (count as f64 * 960.0 - delay) / 48_000.0 * 1e6;
            let told = chunk_time + packets.offset_micros() as f64;
            assert!((told - wanted).abs() <= 1.0, "{ms} ms at {rate} Hz, chunk {index}: {told} for {wanted}");
            count += packets.len();
        }
    }
}
