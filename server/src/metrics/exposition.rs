//! What is read when somebody asks, and all figures as text for Prometheus (exposition format 0.0.4).

use super::Metrics;
use prometheus::{CounterVec, GaugeVec, Opts, Registry, Result, TextEncoder};

/// Figures of one moment. They are made for each who asks, so that none is left of what has gone.
#[derive(Debug, Default)]
pub struct Moment(Registry);

impl Moment {
    /// Adds a figure that has no labels.
    ///
    /// # Errors
    /// An illegal name, or one that is taken.
    pub fn gauge(&self, name: &str, help: &str, value: f64) -> Result<()> {
        self.gauges(name, help, &[], [(vec![], value)])
    }

    /// Adds a figure for each of some labels' values.
    ///
    /// # Errors
    /// As [`Moment::gauge`].
    pub fn gauges<'a>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        rows: impl IntoIterator<Item = (Vec<&'a str>, f64)>,
    ) -> Result<()> {
        let family = GaugeVec::new(Opts::new(name, help), labels)?;
        for (values, value) in rows {
            family.get_metric_with_label_values(&values)?.set(value);
        }
        self.0.register(Box::new(family))
    }

    /// Adds a figure that only grows.
    ///
    /// # Errors
    /// As [`Moment::gauge`].
    pub fn counter(&self, name: &str, help: &str, value: f64) -> Result<()> {
        let family = CounterVec::new(Opts::new(name, help), &[])?;
        family.get_metric_with_label_values::<&str>(&[])?.inc_by(value);
        self.0.register(Box::new(family))
    }
}

impl Metrics {
    /// All figures as text.
    ///
    /// # Errors
    /// Two have the same name.
    pub fn text(&self, moment: &Moment) -> Result<String> {
        let mut families = self.registry.gather();
        families.extend(moment.0.gather());
        families.sort_by(|a, b| a.name().cmp(b.name()));
        TextEncoder::new().encode_to_string(&families)
    }
}
