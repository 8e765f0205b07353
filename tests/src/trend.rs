//! Whether a measure grows: a straight line through its points, by least squares.

/// Points at equal distances.
#[derive(Debug, Default)]
pub struct Trend(Vec<f64>);

impl Trend {
    /// Adds a point.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The points after the first quarter, in which caches fill.
    fn settled(&self) -> &[f64] {
        &self.0[self.0.len().div_ceil(4).min(self.0.len())..]
    }

    /// The first that counts.
    pub fn first(&self) -> f64 {
        self.settled().first().copied().unwrap_or_default()
    }

    /// The last.
    pub fn last(&self) -> f64 {
        self.0.last().copied().unwrap_or_default()
    }

    /// By how much the line rises from the first point that counts to the last; 0 for fewer than two.
    pub fn growth(&self) -> f64 {
        let points = self.settled();
        let n = points.len() as f64;
        let middle = (n - 1.0) / 2.0;
        let (mut rise, mut run) = (0.0, 0.0);
        for (index, value) in points.iter().enumerate() {
            let x = index as f64 - middle;
            rise += x * value;
            run += x * x;
        }
        if run == 0.0 { 0.0 } else { rise / run * (n - 1.0) }
    }
}

#[test]
fn growth_is_told_from_noise_and_from_a_start() {
    let trend = |value: fn(usize) -> f64| {
        let mut trend = Trend::default();
        (0..12).for_each(|index| trend.push(value(index)));
        trend.growth()
    };
    assert!(trend(|_| 5e6).abs() < 1e-6);
    assert!((trend(|index| 1e6 + 100.0 * index as f64) - 800.0).abs() < 1e-6);
    assert!(trend(|index| 1e6 + [0.0, 90.0][index % 2]).abs() < 90.0);
    assert!(trend(|index| if index < 3 { 0.0 } else { 1e6 }).abs() < 1e-6, "caches may fill");
    assert!(Trend::default().growth() == 0.0);
}
