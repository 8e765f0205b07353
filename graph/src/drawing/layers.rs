//! Where the nodes of a graph stand when it is drawn: in layers, sound flowing downwards, with few crossings and short
//! ways (Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures", 1981).
//! The order of the text decides wherever nothing else does, so that a small edit moves little.

/// Points on the ways of long connections are left out where there would be more: those ways run straight then.
const MOST_BENDS: usize = 20_000;
/// Passes that look for few crossings, and from how many points on they are too dear.
const SWEEPS: usize = 12;
const MANY: usize = 3_000;
/// Passes that bring what is connected together.
const PULLS: usize = 16;
/// How much room a way takes between nodes, where a node takes 1.
const LANE: f32 = 0.3;

/// Where everything stands. Across counts in nodes side by side, from the left edge of the drawing to a middle.
#[derive(Debug, Default, PartialEq)]
pub struct Layers {
    /// For each node its layer, from the top, and its place across.
    pub nodes: Vec<(usize, f32)>,
    /// For each connection where it passes the layers between its ends, from the upper one on; one that leads back up
    /// passes those of its ends too, beside them.
    pub ways: Vec<Vec<f32>>,
    /// For each connection whether it leads back up, or to where it comes from.
    pub back: Vec<bool>,
    /// How many layers there are.
    pub count: usize,
    /// How many nodes would stand side by side in the widest.
    pub width: f32,
}

/// Places nodes, given what is connected: from and to.
pub fn place(count: usize, edges: &[(usize, usize)]) -> Layers {
    let back = find_loops(count, edges);
    let layers = find_layers(count, edges, &back);
    let (mut points, chains) = Points::new(&layers, edges, &back);
    points.untangle();
    let across = points.pull();
    let width = across.iter().zip(&points.size).map(|(x, size)| x + size / 2.0).fold(0.0, f32::max);
    Layers {
        nodes: layers.iter().zip(&across).map(|(layer, x)| (*layer, *x)).collect(),
        ways: chains
            .into_iter()
            .map(|chain| chain.into_iter().map(|point| across[point]).collect())
            .collect(),
        back,
        count: points.rows.len(),
        width,
    }
}

/// Which connections close loops, found by a walk in the order of the text from what nothing leads to.
fn find_loops(count: usize, edges: &[(usize, usize)]) -> Vec<bool> {
    let (mut out, mut fed) = (vec![Vec::new(); count], vec![false; count]);
    for (index, (from, to)) in edges.iter().enumerate() {
        out[*from].push(index);
        fed[*to] = true;
    }
    let (mut seen, mut open, mut back) = (vec![false; count], vec![false; count], vec![false; edges.len()]);
    let starts = (0..count).filter(|node| !fed[*node]).chain(0..count);
    for start in starts {
        let mut path = vec![(start, 0)];
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        open[start] = true;
        while let Some((node, next)) = path.last_mut() {
            let Some(edge) = out[*node].get(*next).copied() else {
                open[*node] = false;
                path.pop();
                continue;
            };
            *next += 1;
            let to = edges[edge].1;
            if open[to] {
                back[edge] = true;
            } else if !std::mem::replace(&mut seen[to], true) {
                open[to] = true;
                path.push((to, 0));
            }
        }
    }
    back
}

/// The layer of each node: below all that leads to it, and what nothing leads to just above what it leads to.
fn find_layers(count: usize, edges: &[(usize, usize)], back: &[bool]) -> Vec<usize> {
    let (mut out, mut waits) = (vec![Vec::new(); count], vec![0; count]);
    for ((from, to), _) in edges.iter().zip(back).filter(|(_, back)| !**back) {
        out[*from].push(*to);
        waits[*to] += 1;
    }
    let mut layers = vec![0; count];
    let sources: Vec<usize> = (0..count).filter(|node| waits[*node] == 0).collect();
    let mut ready = sources.clone();
    while let Some(node) = ready.pop() {
        for to in &out[node] {
            layers[*to] = layers[*to].max(layers[node] + 1);
            waits[*to] -= 1;
            if waits[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    for node in sources {
        layers[node] = out[node].iter().map(|to| layers[*to] - 1).min().unwrap_or(0);
    }
    layers
}

/// All that has a place in a layer: nodes, and behind them the points at which ways pass layers.
struct Points {
    /// For each layer its points, from left to right.
    rows: Vec<Vec<usize>>,
    size: Vec<f32>,
    /// What each is connected to in the layers above and below.
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
    /// What an end of a way that leads back up stands beside.
    beside: Vec<Option<usize>>,
}

impl Points {
    /// With the points of each connection, from the upper one on.
    fn new(layers: &[usize], edges: &[(usize, usize)], back: &[bool]) -> (Self, Vec<Vec<usize>>) {
        let count = layers.len();
        let mut points = Self {
            rows: vec![Vec::new(); layers.iter().max().map_or(0, |last| last + 1)],
            size: vec![1.0; count],
            above: vec![Vec::new(); count],
            below: vec![Vec::new(); count],
            beside: vec![None; count],
        };
        layers.iter().enumerate().for_each(|(node, layer)| points.rows[*layer].push(node));
        let passed = |(from, to): (usize, usize), back: bool| match back {
            true => layers[to]..layers[from] + 1,
            false => layers[from] + 1..layers[to],
        };
        let bends: usize = edges.iter().zip(back).map(|(edge, back)| passed(*edge, *back).len()).sum();
        let chains = edges.iter().zip(back).map(|(edge, back)| {
            let mut chain = Vec::new();
            if bends <= MOST_BENDS {
                chain.extend(passed(*edge, *back).map(|layer| points.add(layer)));
            }
            let (upper, lower) = if *back { (edge.1, edge.0) } else { *edge };
            if *back {
                chain.first().into_iter().for_each(|first| points.beside[*first] = Some(upper));
                chain.last().into_iter().for_each(|last| points.beside[*last] = Some(lower));
                chain.windows(2).for_each(|pair| points.connect(pair[0], pair[1]));
            } else {
                let whole: Vec<usize> =
                    [upper].into_iter().chain(chain.iter().copied()).chain([lower]).collect();
                whole.windows(2).for_each(|pair| points.connect(pair[0], pair[1]));
            }
            chain
        });
        let chains = chains.collect();
        (points, chains)
    }

    fn add(&mut self, layer: usize) -> usize {
        let point = self.size.len();
        self.rows[layer].push(point);
        self.size.push(LANE);
        self.above.push(Vec::new());
        self.below.push(Vec::new());
        self.beside.push(None);
        point
    }

    fn connect(&mut self, upper: usize, lower: usize) {
        self.below[upper].push(lower);
        self.above[lower].push(upper);
    }

    /// Orders each layer by the middle of what its points are connected to, downwards and upwards in turn, and keeps
    /// the order with the fewest crossings.
    fn untangle(&mut self) {
        let sweeps = if self.size.len() > MANY { 2 } else { SWEEPS };
        let (mut best, mut fewest) = (self.rows.clone(), self.crossings());
        for sweep in 0..sweeps {
            if fewest == 0 {
                break;
            }
            let downwards = sweep % 2 == 0;
            let mut place = self.places();
            let count = self.rows.len();
            for step in 0..count {
                let row = if downwards { step } else { count - 1 - step };
                let wanted: Vec<f32> =
                    self.rows[row].iter().map(|point| self.wish(*point, downwards, &place)).collect();
                let mut order: Vec<usize> = (0..wanted.len()).collect();
                order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
                self.rows[row] = order.iter().map(|index| self.rows[row][*index]).collect();
                self.rows[row].iter().enumerate().for_each(|(index, point)| place[*point] = index as f32);
            }
            let crossings = self.crossings();
            if crossings < fewest {
                (best, fewest) = (self.rows.clone(), crossings);
            }
        }
        self.rows = best;
    }

    /// Where a point would like to be: amid what it is connected to on one side, else where it is.
    fn wish(&self, point: usize, above: bool, place: &[f32]) -> f32 {
        let list = if above { &self.above[point] } else { &self.below[point] };
        match (list.len(), self.beside[point]) {
            (0, Some(node)) => place[node] + 0.6,
            (0, None) => place[point],
            (count, _) => list.iter().map(|other| place[*other]).sum::<f32>() / count as f32,
        }
    }

    /// How much a point's wish counts against those of its neighbours: what stands beside something follows it, and
    /// what is connected to nothing stands where there is room.
    fn weight(&self, point: usize) -> f32 {
        let free = self.above[point].is_empty() && self.below[point].is_empty();
        if free || self.beside[point].is_some() { 1e-3 } else { 1.0 }
    }

    fn places(&self) -> Vec<f32> {
        let mut places = vec![0.0; self.size.len()];
        for row in &self.rows {
            row.iter().enumerate().for_each(|(index, point)| places[*point] = index as f32);
        }
        places
    }

    /// How many ways cross between layers, counted with sums over a binary indexed tree.
    fn crossings(&self) -> u64 {
        let place = self.places();
        let mut crossings = 0;
        for (row, next) in self.rows.iter().zip(self.rows.iter().skip(1)) {
            let mut passed = vec![0u64; next.len() + 1];
            let mut total = 0;
            for point in row {
                let mut ends: Vec<usize> =
                    self.below[*point].iter().map(|end| place[*end] as usize).collect();
                ends.sort_unstable();
                for end in &ends {
                    let (mut at, mut left) = (end + 1, 0);
                    while at > 0 {
                        left += passed[at];
                        at &= at - 1;
                    }
                    crossings += total - left;
                }
                for end in ends {
                    let mut at = end + 1;
                    while at < passed.len() {
                        passed[at] += 1;
                        at += at & at.wrapping_neg();
                    }
                    total += 1;
                }
            }
        }
        crossings
    }

    /// Draws what is connected together, each layer for itself and in its order.
    fn pull(&self) -> Vec<f32> {
        let mut across = vec![0.0; self.size.len()];
        for row in &self.rows {
            let mut edge = 0.0;
            for point in row {
                across[*point] = edge + self.size[*point] / 2.0;
                edge += self.size[*point];
            }
        }
        for pull in 0..PULLS {
            let downwards = pull % 2 == 0;
            for step in 0..self.rows.len() {
                let row = &self.rows[if downwards { step } else { self.rows.len() - 1 - step }];
                let wanted: Vec<f32> =
                    row.iter().map(|point| self.wish(*point, downwards, &across)).collect();
                self.settle(row, &wanted, &mut across);
                self.close_up(row, &mut across);
            }
        }
        let left = across.iter().zip(&self.size).map(|(x, size)| x - size / 2.0).fold(f32::MAX, f32::min);
        across.iter_mut().for_each(|x| *x -= left);
        across
    }

    /// Brings what is connected to nothing next to its neighbour.
    fn close_up(&self, row: &[usize], across: &mut [f32]) {
        for pair in row.windows(2) {
            let [before, point] = [pair[0], pair[1]];
            if self.above[point].is_empty() && self.below[point].is_empty() && self.beside[point].is_none() {
                across[point] = across[before] + (self.size[before] + self.size[point]) / 2.0;
            }
        }
    }

    /// Moves a layer's points as close to where they want to be as their order and sizes allow: the least weighted sum
    /// of squares, by pooling neighbours that would overlap (Ayer et al., 1955).
    fn settle(&self, row: &[usize], wanted: &[f32], across: &mut [f32]) {
        let mut offset = 0.0;
        // Where each group begins, the weighted sum of what its members want, and their weight.
        let mut groups: Vec<(usize, f32, f32)> = Vec::with_capacity(row.len());
        let mut offsets = Vec::with_capacity(row.len());
        for (index, point) in row.iter().enumerate() {
            if index > 0 {
                offset += (self.size[row[index - 1]] + self.size[*point]) / 2.0;
            }
            offsets.push(offset);
            let weight = self.weight(*point);
            groups.push((index, weight * (wanted[index] - offset), weight));
            while let [.., before, last] = groups.as_mut_slice() {
                if before.1 / before.2 <= last.1 / last.2 {
                    break;
                }
                (before.1, before.2) = (before.1 + last.1, before.2 + last.2);
                groups.pop();
            }
        }
        let ends = groups.iter().skip(1).map(|group| group.0).chain([row.len()]);
        for ((start, sum, weight), end) in groups.iter().zip(ends) {
            for index in *start..end {
                across[row[index]] = sum / weight + offsets[index];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nodes of a layer do not overlap, and what leads down leads down.
    fn check(count: usize, edges: &[(usize, usize)]) -> Layers {
        let placed = place(count, edges);
        assert_eq!(placed, place(count, edges), "twice the same");
        let mut rows: Vec<Vec<f32>> = vec![Vec::new(); placed.count];
        placed.nodes.iter().for_each(|(layer, x)| rows[*layer].push(*x));
        for row in &mut rows {
            row.sort_by(f32::total_cmp);
            assert!(row.windows(2).all(|pair| pair[1] - pair[0] > 0.999), "{row:?}");
            assert!(
                row.iter().all(|x| *x > 0.499 && x + 0.499 < placed.width),
                "{row:?} of {}",
                placed.width
            );
        }
        for ((from, to), back) in edges.iter().zip(&placed.back) {
            assert_eq!(placed.nodes[*from].0 >= placed.nodes[*to].0, *back);
        }
        placed
    }

    #[test]
    fn a_chain_is_straight_and_a_modulator_stands_just_above_what_it_moves() {
        let placed = check(4, &[(0, 1), (1, 2), (3, 2)]);
        let layers: Vec<usize> = placed.nodes.iter().map(|node| node.0).collect();
        assert_eq!(layers, [0, 1, 2, 1]);
        assert!((placed.nodes[0].1 - placed.nodes[1].1).abs() < 0.01, "{placed:?}");
    }

    #[test]
    fn ways_that_cross_are_untangled() {
        // Two chains, whose ends are written the other way round.
        let placed = check(4, &[(0, 3), (1, 2)]);
        let left = |a: usize, b: usize| placed.nodes[a].1 < placed.nodes[b].1;
        assert_eq!(left(0, 1), left(3, 2));
    }

    #[test]
    fn a_loop_leads_back_beside_its_nodes() {
        let placed = check(4, &[(0, 1), (1, 2), (2, 1), (2, 3), (3, 3)]);
        assert_eq!(placed.back, [false, false, true, false, true]);
        assert_eq!(placed.ways[2].len(), 2);
        assert_eq!(placed.ways[4].len(), 1);
        assert!(placed.width < 2.5, "it holds together: {placed:?}");
    }

    #[test]
    fn what_is_connected_to_nothing_stands_next_to_the_others() {
        let placed = check(8, &[(0, 1), (1, 2), (2, 1), (2, 3), (4, 2), (4, 4)]);
        let width = placed.width;
        assert!(width < 5.0 && [5, 6, 7].iter().all(|free| placed.nodes[*free].0 == 0), "{placed:?}");
    }

    #[test]
    fn long_ways_keep_clear_of_the_nodes_between() {
        let placed = check(4, &[(0, 1), (1, 2), (2, 3), (0, 3)]);
        assert_eq!(placed.ways[3].len(), 2);
        for (node, x) in [1, 2].iter().zip(&placed.ways[3]) {
            assert!((placed.nodes[*node].1 - x).abs() >= 0.64, "{placed:?}");
        }
    }

    #[test]
    fn thousands_of_nodes_take_no_time_worth_speaking_of() {
        let begun = std::time::Instant::now();
        let chain: Vec<(usize, usize)> = (1..10_000).flat_map(|node| [(node - 1, node), (0, node)]).collect();
        check(10_000, &chain);
        let star: Vec<(usize, usize)> = (0..9_999).map(|node| (node, 9_999)).collect();
        check(10_000, &star);
        assert_eq!(check(0, &[]), Layers::default());
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}
