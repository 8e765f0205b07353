//! Kaiser's window, for the sincs that look between samples. Control side.

/// The window at `place` from -1 to 1, 1 in its middle. `shape` trades the width of the passband's edge for the
/// depth of the stopband: 8 makes 80 dB.
pub fn kaiser(place: f64, shape: f64) -> f64 {
    let inside = (1.0 - place * place).max(0.0).sqrt();
    bessel(shape * inside) / bessel(shape)
}

/// The modified Bessel function of the first kind and order 0, by its series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 1..40 {
        term *= (x / 2.0 / f64::from(n)).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_kaisers() {
        // I0(5) = 27.239871823604442 (Abramowitz and Stegun, table 9.8).
        assert!((kaiser(1.0, 5.0) - 1.0 / 27.239_871_823_604_442).abs() < 1e-15);
        assert_eq!((kaiser(0.0, 5.0), kaiser(0.5, 0.0)), (1.0, 1.0));
        assert_eq!(kaiser(1.5, 5.0), kaiser(-1.0, 5.0), "outside it stays as it ends");
    }
}
