//! The discrete Fourier transform of the recipe. Its sines come from `libm`, so that every machine gets the same
//! bits and the font the same bytes; that is why no faster library does this.

use libm::{cos, sin};
use std::f64::consts::TAU;
use std::ops::{Add, Mul, Sub};

/// A complex number.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Complex {
    /// Real part.
    pub re: f64,
    /// Imaginary part.
    pub im: f64,
}

impl Complex {
    /// A number of this size and angle in radians.
    pub fn polar(size: f64, angle: f64) -> Self {
        Self { re: size * cos(angle), im: size * sin(angle) }
    }

    /// The square of its size.
    pub fn power(self) -> f64 {
        self.re * self.re + self.im * self.im
    }

    /// The number times a real one.
    pub fn scale(self, factor: f64) -> Self {
        Self { re: self.re * factor, im: self.im * factor }
    }
}

impl Add for Complex {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }
}

impl Sub for Complex {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }
}

impl Mul for Complex {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }
}

/// Transforms in place, unscaled: exponent -1 forward, +1 backward (Cooley and Tukey, 1965).
///
/// # Panics
/// If the length is neither a power of two nor three times one.
fn transform(data: &mut [Complex], sign: f64) {
    if !data.len().is_multiple_of(3) {
        return transform_power_of_two(data, sign);
    }
    let third = data.len() / 3;
    let mut parts: Vec<Vec<Complex>> =
        (0..3).map(|part| data.iter().skip(part).step_by(3).copied().collect()).collect();
    parts.iter_mut().for_each(|part| transform_power_of_two(part, sign));
    let turn = |angle: f64| Complex::polar(1.0, sign * TAU * angle);
    for k in 0..third {
        let place = k as f64 / data.len() as f64;
        let (a, b, c) = (parts[0][k], parts[1][k] * turn(place), parts[2][k] * turn(2.0 * place));
        for (block, third_turns) in [0.0, 1.0, 2.0].into_iter().enumerate() {
            data[block * third + k] = a + b * turn(third_turns / 3.0) + c * turn(2.0 * third_turns / 3.0);
        }
    }
}

fn transform_power_of_two(data: &mut [Complex], sign: f64) {
    let length = data.len();
    assert!(length.is_power_of_two(), "a transform of {length} points");
    let shift = length.leading_zeros() + 1;
    for index in 0..length {
        let other = if length > 1 { index.reverse_bits() >> shift } else { 0 };
        if index < other {
            data.swap(index, other);
        }
    }
    let turns: Vec<Complex> =
        (0..length / 2).map(|k| Complex::polar(1.0, sign * TAU * k as f64 / length as f64)).collect();
    let mut half = 1;
    while half < length {
        let stride = length / (2 * half);
        for block in data.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (k, (a, b)) in low.iter_mut().zip(high).enumerate() {
                let turned = *b * turns[k * stride];
                (*a, *b) = (*a + turned, *a - turned);
            }
        }
        half *= 2;
    }
}

/// The bins 0 to n/2 of a real signal whose length is a power of two, or three times one.
pub fn forward(signal: &[f64]) -> Vec<Complex> {
    let mut data: Vec<Complex> = signal.iter().map(|re| Complex { re: *re, im: 0.0 }).collect();
    transform(&mut data, -1.0);
    data.truncate(signal.len() / 2 + 1);
    data
}

/// The real signal of bins 0 to n/2: the inverse of [`forward`].
pub fn inverse(bins: &[Complex]) -> Vec<f64> {
    let half = bins.len() - 1;
    let length = 2 * half;
    let mut data = vec![Complex::default(); length];
    data[..half].copy_from_slice(&bins[..half]);
    // The highest bin of a real signal is real, and so is the first.
    data[half] = Complex { re: bins[half].re, im: 0.0 };
    data[0].im = 0.0;
    for k in 1..half {
        data[length - k] = Complex { re: bins[k].re, im: -bins[k].im };
    }
    transform(&mut data, 1.0);
    data.iter().map(|x| x.re / length as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_is_one_bin_and_comes_back() {
        for length in [256, 384] {
            let turn = TAU / length as f64;
            let signal: Vec<f64> = (0..length).map(|i| cos(5.0 * turn * i as f64 + 0.3)).collect();
            let bins = forward(&signal);
            assert!((bins[5].power().sqrt() - length as f64 / 2.0).abs() < 1e-9);
            assert!(bins.iter().enumerate().all(|(k, bin)| k == 5 || bin.power() < 1e-18));
            let back = inverse(&bins);
            assert!(signal.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-12));
        }
    }
}
