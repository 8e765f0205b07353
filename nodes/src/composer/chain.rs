//! The chain of chords: which degree follows which, found at any phrase without playing up to it. Made on the
//! control side; drawing from it is allocation-free.
//!
//! Every phrase begins on a degree drawn from the chain's stationary distribution. Between two such degrees the
//! path is a Markov bridge: the chain, conditioned on where it has to arrive.

use super::harmony::{DEGREE_NAMES, DEGREES};
use auralis_graph::NodeError;
use auralis_graph::chance::Chance;

/// Probabilities of one degree after another, by row.
pub type Matrix = [[f64; DEGREES]; DEGREES];

/// The ambient transitions of the contract, section 2: rows from, columns to i ii III iv v VI VII.
pub const AMBIENT: Matrix = [
    [0.15, 0.05, 0.10, 0.30, 0.05, 0.30, 0.05],
    [0.25, 0.10, 0.05, 0.15, 0.25, 0.15, 0.05],
    [0.20, 0.05, 0.15, 0.10, 0.10, 0.30, 0.10],
    [0.25, 0.10, 0.10, 0.10, 0.20, 0.15, 0.10],
    [0.40, 0.10, 0.05, 0.20, 0.05, 0.15, 0.05],
    [0.25, 0.05, 0.20, 0.15, 0.05, 0.10, 0.20],
    [0.30, 0.05, 0.25, 0.10, 0.05, 0.20, 0.05],
];

/// Most steps from the entry of one phrase to that of the next.
pub const MAX_STEPS: usize = 16;

/// How far a row's sum may be from 1: thirds are written with two digits.
const TOLERANCE: f64 = 0.015;

/// Less than this is never.
const NEVER: f64 = 1e-9;

/// A chain that is ready to be drawn from.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The matrix to the power of the index: probabilities of arriving after so many steps.
    powers: Box<[[[f32; DEGREES]; DEGREES]; MAX_STEPS + 1]>,
    stationary: [f32; DEGREES],
}

impl Chain {
    /// Checks a matrix and works out what drawing needs.
    ///
    /// # Errors
    /// A row that is no distribution, or degrees that never meet.
    pub fn new(rows: &Matrix) -> Result<Self, NodeError> {
        let matrix = normalised(rows)?;
        one_home(&matrix)?;
        let stationary = stationary(&matrix);
        let mut powers = Box::new([[[0.0f32; DEGREES]; DEGREES]; MAX_STEPS + 1]);
        let mut power = identity();
        for slot in powers.iter_mut() {
            *slot = power.map(|row| row.map(|p| if p < NEVER { 0.0 } else { p as f32 }));
            power = product(&power, &matrix);
        }
        Ok(Self { powers, stationary })
    }

    /// How often each degree occurs in the long run.
    pub fn stationary(&self) -> &[f32; DEGREES] {
        &self.stationary
    }

    /// A degree drawn from the stationary distribution.
    pub fn entry(&self, mut chance: Chance) -> usize {
        chance.weighted(&self.stationary)
    }

    /// Whether the chain can go from one degree to another in exactly so many steps.
    pub fn reaches(&self, from: usize, to: usize, steps: usize) -> bool {
        self.powers[steps][from][to] > 0.0
    }

    /// The number of steps nearest to `wish`, between `least` and `most`, that leads from one degree to another.
    /// Degrees that occur in the long run are joined by 2 to 8 steps, and by 4 to 16.
    pub fn steps(&self, from: usize, to: usize, wish: usize, least: usize, most: usize) -> usize {
        let legal = |steps: &usize| (least..=most).contains(steps) && self.reaches(from, to, *steps);
        (0..=most)
            .flat_map(|away| [wish.saturating_sub(away), wish + away])
            .find(legal)
            .unwrap_or(wish.clamp(least, most))
    }

    /// Fills `path` with degrees that begin at `from` and lead to `to` one step behind its end.
    pub fn bridge(&self, from: usize, to: usize, mut chance: Chance, path: &mut [u8]) {
        let mut at = from;
        let length = path.len();
        for (index, place) in path.iter_mut().enumerate() {
            *place = at as u8;
            let left = length - index - 1;
            let mut weights = [0.0; DEGREES];
            for (next, weight) in weights.iter_mut().enumerate() {
                *weight = self.powers[1][at][next] * self.powers[left][next][to];
            }
            if weights.iter().all(|weight| *weight == 0.0) {
                weights = self.powers[1][at];
            }
            at = chance.weighted(&weights);
        }
    }
}

fn identity() -> Matrix {
    let mut matrix = [[0.0; DEGREES]; DEGREES];
    (0..DEGREES).for_each(|i| matrix[i][i] = 1.0);
    matrix
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let mut out = [[0.0; DEGREES]; DEGREES];
    for (row, from) in out.iter_mut().zip(a) {
        for (column, cell) in row.iter_mut().enumerate() {
            *cell = (0..DEGREES).map(|middle| from[middle] * b[middle][column]).sum();
        }
    }
    out
}

fn normalised(rows: &Matrix) -> Result<Matrix, NodeError> {
    let mut matrix = *rows;
    for (row, name) in matrix.iter_mut().zip(DEGREE_NAMES) {
        if let Some(wrong) = row.iter().find(|p| !(0.0..=1.0).contains(*p)) {
            let message = format!("row `{name}` holds {wrong}, but a probability is 0 to 1");
            return Err(NodeError::new(message));
        }
        let sum: f64 = row.iter().sum();
        if (sum - 1.0).abs() > TOLERANCE {
            let printed = (sum * 1000.0).round() / 1000.0;
            let help = "the seven numbers of a row are the probabilities of i ii III iv v VI VII after it";
            return Err(NodeError::new(format!("row `{name}` sums to {printed}, not to 1")).help(help));
        }
        row.iter_mut().for_each(|p| *p /= sum);
    }
    Ok(matrix)
}

/// Refuses a chain that falls apart: where it ends up must not depend on where it began.
fn one_home(matrix: &Matrix) -> Result<(), NodeError> {
    let mut reach = [[false; DEGREES]; DEGREES];
    for (from, row) in matrix.iter().enumerate() {
        row.iter().enumerate().for_each(|(to, p)| reach[from][to] = *p >= NEVER || from == to);
    }
    for middle in 0..DEGREES {
        for from in 0..DEGREES {
            for to in 0..DEGREES {
                reach[from][to] |= reach[from][middle] && reach[middle][to];
            }
        }
    }
    let lasting = |i: &usize| (0..DEGREES).all(|j| !reach[*i][j] || reach[j][*i]);
    let homes: Vec<usize> = (0..DEGREES).filter(lasting).collect();
    let apart = homes.iter().find(|j| !reach[homes[0]][**j]);
    match apart {
        Some(other) => {
            let (a, b) = (DEGREE_NAMES[homes[0]], DEGREE_NAMES[*other]);
            let message = format!("the chords fall apart: `{a}` and `{b}` never lead to each other");
            Err(NodeError::new(message).help("let some chord of the one part lead to the other"))
        }
        None => Ok(()),
    }
}

/// By iterating the chain that stays where it is half of the time: it has the same stationary distribution and
/// is never periodic. With seven states 4,096 steps are more than rounding can tell.
fn stationary(matrix: &Matrix) -> [f32; DEGREES] {
    let mut at = [1.0 / DEGREES as f64; DEGREES];
    for _ in 0..4096 {
        let mut next = at.map(|p| p * 0.5);
        for (p, row) in at.iter().zip(matrix) {
            next.iter_mut().zip(row).for_each(|(next, q)| *next += p * q * 0.5);
        }
        at = next;
    }
    at.map(|p| if p < NEVER { 0.0 } else { p as f32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(order: &[usize]) -> Matrix {
        let mut rows = [[0.0; DEGREES]; DEGREES];
        (0..DEGREES).for_each(|i| rows[i][order[0]] = 1.0);
        for (i, from) in order.iter().enumerate() {
            rows[*from] = [0.0; DEGREES];
            rows[*from][order[(i + 1) % order.len()]] = 1.0;
        }
        rows
    }

    #[test]
    fn the_ambient_matrix_is_a_distribution_by_row_and_its_home_is_the_tonic() {
        for row in AMBIENT {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        let chain = Chain::new(&AMBIENT).unwrap();
        let most = chain.stationary().iter().copied().fold(0.0, f32::max);
        assert_eq!(chain.stationary()[0], most);
        assert!((chain.stationary().iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn bridges_arrive_by_legal_steps_even_where_chords_go_round_in_a_circle() {
        for order in [&[0usize, 4, 5, 3][..], &[0, 5], &[0, 1, 2, 3, 4, 5, 6], &[3]] {
            let rows = cycle(order);
            let chain = Chain::new(&rows).unwrap();
            let lasting: Vec<usize> = (0..DEGREES).filter(|i| chain.stationary()[*i] > 0.0).collect();
            assert_eq!(lasting.len(), order.len());
            for (n, (from, to)) in
                lasting.iter().flat_map(|a| lasting.iter().map(move |b| (*a, *b))).enumerate()
            {
                for (least, most) in [(2, 8), (4, 16)] {
                    let steps = chain.steps(from, to, 4, least, most);
                    assert!(chain.reaches(from, to, steps), "{order:?} {from} {to}");
                    let mut path = [0; MAX_STEPS];
                    chain.bridge(from, to, Chance::new(n as u64), &mut path[..steps]);
                    assert_eq!(usize::from(path[0]), from);
                    let ends = path[1..steps].iter().map(|d| usize::from(*d)).chain([to]);
                    for (a, b) in path.iter().zip(ends) {
                        assert!(rows[usize::from(*a)][b] > 0.0);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_matrix_of_chords_is_refused_in_words() {
        let mut rows = AMBIENT;
        rows[4][0] = 0.3;
        assert!(Chain::new(&rows).unwrap_err().message.contains("row `v` sums to 0.9, not to 1"));
        rows[4][0] = f64::NAN;
        assert!(Chain::new(&rows).unwrap_err().message.contains("row `v` holds NaN"));
        rows = cycle(&[0, 3]);
        rows[5] = [0.0; DEGREES];
        rows[5][5] = 1.0;
        let error = Chain::new(&rows).unwrap_err().message;
        assert!(error.contains("`i` and `VI` never lead to each other"), "{error}");
    }
}
