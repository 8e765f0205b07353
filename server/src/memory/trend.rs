//! How something grows over time: the line that comes nearest to it, by least squares.

/// The slope of the line through points of seconds and bytes, in bytes per second; none where they are no line.
pub fn slope(points: impl Iterator<Item = (f64, f64)> + Clone) -> Option<f64> {
    let count = points.clone().count() as f64;
    let mean = |sum: f64| sum / count;
    let (x, y) = points.clone().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (mean(x), mean(y));
    let (up, along) = points.fold((0.0, 0.0), |(up, along), point| {
        let from = point.0 - x;
        (up + from * (point.1 - y), along + from * from)
    });
    (along > 0.0).then(|| up / along)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_through_noise() {
        let noise = |i: u32| f64::from(i.wrapping_mul(2_654_435_761) % 1000) - 500.0;
        let points = (0..400).map(|i| (f64::from(i) * 10.0, 1e6 + f64::from(i) * 10.0 * 7.0 + noise(i)));
        let found = slope(points).unwrap();
        assert!((found - 7.0).abs() < 0.2, "{found}");
        assert_eq!(slope([(1.0, 5.0), (1.0, 6.0)].into_iter()), None);
        assert_eq!(slope(std::iter::empty()), None);
        assert_eq!(slope([(0.0, 3.0), (2.0, 3.0)].into_iter()), Some(0.0));
    }
}
