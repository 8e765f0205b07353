//! The order in which steps run: one in which each follows what it hears, and in which like nodes whose recursions
//! can run side by side stand together.

use super::partition::{Partition, partition};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// What may stand together: nodes of a kind, and whether anything moves their parameters.
pub(crate) type BankKey = (&'static str, bool);

/// Recursions of a step that may stand together with others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Recursions {
    pub key: BankKey,
    /// How many there are.
    pub lanes: usize,
}

/// Steps in running order, in groups: most of one step, some of several that run side by side.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Arrangement {
    pub groups: Vec<Vec<usize>>,
    /// Where the groups of each task end, where the graph is cut into tasks, and which tasks each of them waits for.
    pub tasks: Vec<(usize, Vec<usize>)>,
}

/// Lanes that run at once: a group has no more.
const LANES: usize = crate::engine::BANK;

/// Steps that gather until there are enough of them.
#[derive(Default)]
struct Bucket {
    steps: VecDeque<usize>,
    lanes: usize,
}

impl Arrangement {
    /// Of steps that have these recursions and follow these others, all before them. Task after task, where the costs of
    /// the steps on so many threads are worth it.
    pub fn new(
        recursions: &[Option<Recursions>],
        sources: &[Vec<usize>],
        costs: &[f32],
        threads: usize,
    ) -> Self {
        let steps = recursions;
        let Some(Partition { task_of, waits }) = partition(sources, costs, threads) else {
            return Self { groups: Self::groups(steps, sources), tasks: Vec::new() };
        };
        let mut arrangement = Self::default();
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); waits.len()];
        task_of.iter().enumerate().for_each(|(step, task)| members[*task].push(step));
        let mut place = vec![usize::MAX; steps.len()];
        for (members, waits) in members.iter().zip(waits) {
            members.iter().enumerate().for_each(|(index, step)| place[*step] = index);
            let own: Vec<Option<Recursions>> = members.iter().map(|step| steps[*step]).collect();
            let within = |source: &usize| Some(place[*source]).filter(|at| members.get(*at) == Some(source));
            let sources: Vec<Vec<usize>> =
                members.iter().map(|step| sources[*step].iter().filter_map(within).collect()).collect();
            let groups = Self::groups(&own, &sources);
            arrangement.groups.extend(
                groups.into_iter().map(|group| group.into_iter().map(|index| members[index]).collect()),
            );
            arrangement.tasks.push((arrangement.groups.len(), waits));
        }
        arrangement
    }

    /// Keeps to the order of the drafts but for steps that wait for their like: those run when a group is full, or
    /// when nothing else can.
    fn groups(steps: &[Option<Recursions>], sources: &[Vec<usize>]) -> Vec<Vec<usize>> {
        let mut leads: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
        let mut waits = vec![0usize; steps.len()];
        for (step, sources) in sources.iter().enumerate() {
            waits[step] = sources.len();
            sources.iter().for_each(|source| leads[*source].push(step));
        }
        let mut queue = Queue { steps, ready: BinaryHeap::new(), buckets: BTreeMap::new(), full: None };
        (0..steps.len()).filter(|step| waits[*step] == 0).for_each(|step| queue.admit(step));
        let mut groups = Vec::with_capacity(steps.len());
        while let Some(group) = queue.next() {
            for step in &group {
                for to in &leads[*step] {
                    waits[*to] -= 1;
                    if waits[*to] == 0 {
                        queue.admit(*to);
                    }
                }
            }
            groups.push(group);
        }
        groups
    }
}

/// Steps that can run.
struct Queue<'a> {
    steps: &'a [Option<Recursions>],
    ready: BinaryHeap<Reverse<usize>>,
    buckets: BTreeMap<BankKey, Bucket>,
    /// A bucket that has enough.
    full: Option<BankKey>,
}

impl Queue<'_> {
    fn admit(&mut self, step: usize) {
        let Some(Recursions { key, lanes }) = self.steps[step] else {
            return self.ready.push(Reverse(step));
        };
        let bucket = self.buckets.entry(key).or_default();
        bucket.steps.push_back(step);
        bucket.lanes += lanes;
        if bucket.lanes >= LANES {
            self.full = Some(key);
        }
    }

    fn next(&mut self) -> Option<Vec<usize>> {
        if let Some(key) = self.full.take() {
            return self.take(key);
        }
        if let Some(Reverse(step)) = self.ready.pop() {
            return Some(vec![step]);
        }
        let fullest = self.buckets.iter().max_by_key(|(_, bucket)| bucket.lanes).map(|(key, _)| *key)?;
        self.take(fullest)
    }

    /// As many of a bucket as run at once: at least one.
    fn take(&mut self, key: BankKey) -> Option<Vec<usize>> {
        let bucket = self.buckets.get_mut(&key)?;
        let (mut group, mut lanes) = (Vec::new(), 0);
        while let Some(step) = bucket.steps.front().copied() {
            let more = self.steps[step].map_or(0, |recursions| recursions.lanes);
            if !group.is_empty() && lanes + more > LANES {
                break;
            }
            bucket.steps.pop_front();
            bucket.lanes -= more;
            lanes += more;
            group.push(step);
        }
        if bucket.steps.is_empty() {
            self.buckets.remove(&key);
        } else if bucket.lanes >= LANES {
            self.full = Some(key);
        }
        Some(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step: what it follows, and its lanes.
    type Step = (Vec<usize>, Option<Recursions>);

    fn step(follows: &[usize], lanes: Option<usize>) -> Step {
        (follows.to_vec(), lanes.map(|lanes| Recursions { key: ("filter", false), lanes }))
    }

    /// Chains of a source and a filter of so many lanes, and what sums them.
    fn bank(chains: usize, lanes: usize) -> Vec<Step> {
        let mut steps: Vec<Step> =
            (0..chains).flat_map(|chain| [step(&[], None), step(&[2 * chain], Some(lanes))]).collect();
        let filters: Vec<usize> = (0..chains).map(|chain| 2 * chain + 1).collect();
        steps.push(step(&filters, None));
        steps
    }

    fn groups(steps: &[Step]) -> Vec<Vec<usize>> {
        let (sources, recursions): (Vec<_>, Vec<_>) = steps.iter().cloned().unzip();
        Arrangement::new(&recursions, &sources, &vec![1.0; steps.len()], 1).groups
    }

    /// The sizes of the groups with more than one step, after a look that each step follows what it reads.
    fn sizes(steps: &[Step]) -> Vec<usize> {
        let groups = groups(steps);
        let mut time = vec![usize::MAX; steps.len()];
        for (at, group) in groups.iter().enumerate() {
            group.iter().for_each(|step| time[*step] = at);
        }
        for (index, (sources, _)) in steps.iter().enumerate() {
            assert!(time[index] < usize::MAX, "{index} does not run");
            assert!(sources.iter().all(|source| time[*source] < time[index]), "{index} runs too early");
        }
        groups.iter().map(Vec::len).filter(|size| *size > 1).collect()
    }

    #[test]
    fn like_steps_stand_together_up_to_the_lanes_of_a_bank() {
        assert_eq!(sizes(&bank(16, 1)), [16]);
        assert_eq!(sizes(&bank(40, 1)), [16, 16, 8]);
        assert_eq!(sizes(&bank(16, 2)), [8, 8], "stereo takes two lanes");
        assert_eq!(sizes(&bank(5, 3)), [5]);
        assert_eq!(sizes(&bank(3, 20)), [0; 0], "one alone is more than a bank");
    }

    #[test]
    fn steps_that_wait_for_each_other_or_differ_do_not_stand_together() {
        let chain: Vec<Step> =
            (0..8usize).map(|at| step(&Vec::from_iter(at.checked_sub(1)), Some(1))).collect();
        assert_eq!(sizes(&chain), [0; 0]);
        let mut steps = bank(6, 1);
        for index in [1, 5, 9] {
            steps[index].1 = Some(Recursions { key: ("filter", true), lanes: 1 });
        }
        assert_eq!(sizes(&steps), [3, 3]);
    }
}
