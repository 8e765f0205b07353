//! Measurements that tests assert on.

/// Root mean square of samples.
pub fn rms(samples: &[f32]) -> f64 {
    let sum: f64 = samples.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
    (sum / samples.len().max(1) as f64).sqrt()
}

/// Root mean square in dB below full scale.
pub fn level_db(samples: &[f32]) -> f64 {
    20.0 * rms(samples).max(1e-12).log10()
}

/// Largest absolute sample.
pub fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, x| peak.max(x.abs()))
}

/// Amplitude of one frequency, by correlation with a Hann-windowed complex sine: a sine of amplitude `a` at
/// exactly that frequency gives `a`.
pub fn amplitude_at(samples: &[f32], hertz: f64, sample_rate: f64) -> f64 {
    let n = samples.len() as f64;
    let (mut re, mut im, mut weight) = (0.0, 0.0, 0.0);
    for (i, x) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / n).cos();
        let phase = std::f64::consts::TAU * hertz * i as f64 / sample_rate;
        re += window * f64::from(*x) * phase.cos();
        im += window * f64::from(*x) * phase.sin();
        weight += window;
    }
    2.0 * (re * re + im * im).sqrt() / weight
}

/// The strongest frequency between two, searched in steps fine enough for the length, then refined.
pub fn pitch(samples: &[f32], from: f64, to: f64, sample_rate: f64) -> f64 {
    let step = sample_rate / samples.len() as f64 / 2.0;
    let mut best = (from, 0.0);
    let mut hertz = from;
    while hertz <= to {
        let amplitude = amplitude_at(samples, hertz, sample_rate);
        if amplitude > best.1 {
            best = (hertz, amplitude);
        }
        hertz += step;
    }
    let (mut low, mut high) = (best.0 - step, best.0 + step);
    for _ in 0..40 {
        let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if amplitude_at(samples, a, sample_rate) < amplitude_at(samples, b, sample_rate) {
            low = a;
        } else {
            high = b;
        }
    }
    (low + high) / 2.0
}

/// Cents by which the power within a quarter tone of a frequency is off it.
pub fn cents_off(samples: &[f32], hertz: f64, sample_rate: f64) -> f64 {
    let step = sample_rate / samples.len() as f64;
    let bins = (hertz * 0.015 / step).ceil() as i64;
    let (mut power, mut moment) = (0.0, 0.0);
    for bin in -bins..=bins {
        let frequency = hertz + bin as f64 * step;
        let amplitude = amplitude_at(samples, frequency, sample_rate);
        power += amplitude * amplitude;
        moment += amplitude * amplitude * frequency;
    }
    1200.0 * (moment / power / hertz).log2()
}

/// Largest jump of the second difference relative to the signal's level: clicks stand out by orders of
/// magnitude from any band-limited sound. Returns the frame and the size.
pub fn sharpest(samples: &[f32]) -> (usize, f32) {
    let jumps = samples.windows(3).enumerate().map(|(i, w)| (i + 1, (w[0] - 2.0 * w[1] + w[2]).abs()));
    jumps.fold((0, 0.0), |best, jump| if jump.1 > best.1 { jump } else { best })
}
