//! Whether a measure grows: the straight line through its points whose slope is the median of those of all pairs (Theil
//! and Sen), so that a point that is out of line, as the last one may be, makes no growth.

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
        let from = |later: usize| {
            let rise = move |earlier: usize| (points[later] - points[earlier]) / (later - earlier) as f64;
            (0..later).map(rise)
        };
        let mut slopes: Vec<f64> = (0..points.len()).flat_map(from).collect();
        slopes.sort_by(f64::total_cmp);
        let median = |count: usize| (slopes[(count - 1) / 2] + slopes[count / 2]) / 2.0;
        if slopes.is_empty() { 0.0 } else { median(slopes.len()) * (points.len() - 1) as f64 }
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
    assert!(trend(|index| if index < 11 { 0.0 } else { 1e6 }).abs() < 1e-6, "what passes is no growth");
    assert!(
        (trend(|index| 100.0 * index as f64 + [0.0, 1e6][usize::from(index == 11)]) - 800.0).abs() < 1e-6
    );
    assert!(Trend::default().growth() == 0.0);
}
