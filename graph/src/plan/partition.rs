//! Cutting a graph into tasks that several threads can run, from what its steps were measured to cost. Control side.

use crate::engine::tasks::MAX_TASKS;

/// Nanoseconds that a quantum must take for it to be worth more than one thread.
const LEAST: f32 = 30_000.0;
/// Nanoseconds that taking and finishing a task costs, about.
const TOLL: f32 = 300.0;
/// Nanoseconds that a task must take to be worth that.
const LEAST_TASK: f32 = 4.0 * TOLL;
/// What the tasks of a quantum must take at most on several threads, as a part of what they take on one.
const GAIN: f32 = 0.8;
/// What is joined for good is at most this part of what a thread does.
const CLUSTERS_PER_THREAD: f32 = 8.0;
/// The last tasks of a quantum are about this part of it, so that no thread idles for long.
const LEAST_PER_THREAD: f32 = 32.0;

/// Which task each step belongs to. Tasks are numbered so that each follows those that it waits for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Partition {
    pub task_of: Vec<usize>,
    /// For each task, those that it waits for.
    pub waits: Vec<Vec<usize>>,
}

/// Cuts a graph, if it is worth it. `sources` are the steps that each one follows, all before it; `costs` nanoseconds.
pub(crate) fn partition(sources: &[Vec<usize>], costs: &[f32], threads: usize) -> Option<Partition> {
    let total: f32 = costs.iter().sum();
    if threads < 2 || total < LEAST {
        return None;
    }
    let mut grain = total / (threads as f32 * CLUSTERS_PER_THREAD);
    while grain < total {
        let clusters = clusters(sources, costs, grain);
        let least = (grain * CLUSTERS_PER_THREAD / LEAST_PER_THREAD).max(LEAST_TASK);
        let tasks = level(sources, costs, &clusters, Sizes { threads, least });
        if tasks.waits.len() <= MAX_TASKS {
            return (tasks.makespan(costs, threads) < GAIN * total).then_some(tasks);
        }
        grain *= 1.5;
    }
    None
}

/// Joins each step with the only one that hears it, or with all that do if they are together already, as long as what is
/// joined stays below the grain. Where several come together that are too much for that as a whole, none is joined: it
/// would wait for all the others. A cluster has one way out, its last step: so clusters form no loop. Gives the last
/// step of each step's cluster.
fn clusters(sources: &[Vec<usize>], costs: &[f32], grain: f32) -> Vec<usize> {
    let behind = behind(sources, costs);
    let parts = |step: usize| sources[step].len() > 1 && behind[step] > grain;
    let mut last: Vec<usize> = (0..sources.len()).collect();
    let mut cost = costs.to_vec();
    // What hears a step: nothing, one cluster, or several.
    let mut heard_by: Vec<Option<usize>> = vec![None; sources.len()];
    let mut split = vec![false; sources.len()];
    let mut apart = vec![false; sources.len()];
    for step in (0..sources.len()).rev() {
        if let Some(cluster) = heard_by[step].filter(|_| !split[step] && !apart[step])
            && cost[cluster] + costs[step] <= grain
        {
            last[step] = cluster;
            cost[cluster] += costs[step];
        }
        for source in &sources[step] {
            apart[*source] |= parts(step);
            match heard_by[*source] {
                None => heard_by[*source] = Some(last[step]),
                Some(other) => split[*source] |= other != last[step],
            }
        }
    }
    last
}

/// What a step costs with all before it that nothing else hears.
fn behind(sources: &[Vec<usize>], costs: &[f32]) -> Vec<f32> {
    let mut hearers = vec![0usize; sources.len()];
    sources.iter().flatten().for_each(|source| hearers[*source] += 1);
    let mut behind = costs.to_vec();
    for (step, sources) in sources.iter().enumerate() {
        let own = sources.iter().filter(|source| hearers[**source] == 1).map(|source| behind[*source]);
        behind[step] += own.sum::<f32>();
    }
    behind
}

/// How large tasks are.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    threads: usize,
    least: f32,
}

impl Sizes {
    /// Cuts what costs so much into tasks and says how many each has: from both ends the largest first, since that is
    /// where the audio thread and the workers begin, and none of them is to end long after the others.
    fn cut(self, costs: &[f32]) -> Vec<usize> {
        let share = costs.iter().sum::<f32>() / self.threads as f32;
        let mut filled = 0.0;
        let first = costs.iter().take_while(|cost| {
            filled += **cost;
            filled <= share
        });
        let (front, back) = costs.split_at(first.count());
        let mut tasks = self.falling(front.iter(), 1);
        let mut of_workers = self.falling(back.iter().rev(), self.threads - 1);
        of_workers.reverse();
        tasks.append(&mut of_workers);
        tasks
    }

    /// Each task takes half of what is left for each of so many threads.
    fn falling<'a>(self, costs: impl Iterator<Item = &'a f32> + Clone, threads: usize) -> Vec<usize> {
        let mut left: f32 = costs.clone().sum();
        let mut tasks: Vec<usize> = Vec::new();
        let (mut filled, mut size) = (0.0, 0.0);
        for cost in costs {
            match tasks.last_mut().filter(|_| filled + cost <= size) {
                Some(task) => *task += 1,
                None => {
                    left -= filled;
                    (filled, size) = (0.0, (left / (2 * threads) as f32).max(self.least));
                    tasks.push(1);
                }
            }
            filled += cost;
        }
        tasks
    }
}

/// Joins clusters of the same depth: none of them waits for another.
fn level(sources: &[Vec<usize>], costs: &[f32], clusters: &[usize], sizes: Sizes) -> Partition {
    let steps = sources.len();
    let mut depth = vec![0usize; steps];
    let mut cost = vec![0.0f32; steps];
    // A cluster's last step comes after all of it, and after all that it waits for.
    for step in 0..steps {
        cost[clusters[step]] += costs[step];
    }
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); steps];
    (0..steps).for_each(|step| members[clusters[step]].push(step));
    let mut all: Vec<usize> = (0..steps).filter(|step| clusters[*step] == *step).collect();
    for cluster in &all {
        let waits = members[*cluster].iter().flat_map(|step| &sources[*step]).map(|source| clusters[*source]);
        let deepest = waits.filter(|other| other != cluster).map(|other| depth[other] + 1).max();
        depth[*cluster] = deepest.unwrap_or(0);
    }
    all.sort_by_key(|cluster| (depth[*cluster], *cluster));
    let mut task_of_cluster = vec![0; steps];
    let mut tasks = 0;
    for level in all.chunk_by(|a, b| depth[*a] == depth[*b]) {
        let costs: Vec<f32> = level.iter().map(|cluster| cost[*cluster]).collect();
        let mut rest = level.iter();
        for len in sizes.cut(&costs) {
            rest.by_ref().take(len).for_each(|cluster| task_of_cluster[*cluster] = tasks);
            tasks += 1;
        }
    }
    let task_of: Vec<usize> = clusters.iter().map(|cluster| task_of_cluster[*cluster]).collect();
    let mut waits: Vec<Vec<usize>> = vec![Vec::new(); tasks];
    for (step, sources) in sources.iter().enumerate() {
        let to = task_of[step];
        waits[to].extend(sources.iter().map(|source| task_of[*source]).filter(|from| *from != to));
    }
    for waits in &mut waits {
        waits.sort_unstable();
        waits.dedup();
    }
    Partition { task_of, waits }
}

impl Partition {
    /// Nanoseconds that it takes if whoever is free takes a task that can begin: the audio thread the first of them, a
    /// worker the last.
    fn makespan(&self, costs: &[f32], threads: usize) -> f32 {
        let mut tasks = vec![TOLL; self.waits.len()];
        self.task_of.iter().zip(costs).for_each(|(task, cost)| tasks[*task] += cost);
        let mut done: Vec<Option<f32>> = vec![None; tasks.len()];
        let mut free = vec![0.0f32; threads];
        for _ in 0..tasks.len() {
            let Some((thread, now)) = free.iter().copied().enumerate().min_by(|a, b| a.1.total_cmp(&b.1))
            else {
                break;
            };
            let ready = |task: &usize| {
                self.waits[*task].iter().try_fold(now, |ready, before| Some(ready.max(done[*before]?)))
            };
            let left = (0..tasks.len()).filter(|task| done[*task].is_none());
            let open: Vec<(usize, f32)> = left.filter_map(|task| Some((task, ready(&task)?))).collect();
            let soonest = open.iter().map(|(_, ready)| *ready).fold(f32::INFINITY, f32::min);
            let mut soon = open.iter().filter(|(_, ready)| *ready == soonest);
            let taken = if thread == 0 { soon.next() } else { soon.next_back() };
            let Some((task, ready)) = taken else { break };
            free[thread] = ready + tasks[*task];
            done[*task] = Some(free[thread]);
        }
        free.into_iter().fold(0.0, f32::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    /// Each task follows those it waits for, and waits for all that it hears.
    fn check(sources: &[Vec<usize>], partition: &Partition) {
        assert!(partition.waits.len() <= MAX_TASKS);
        for (task, waits) in partition.waits.iter().enumerate() {
            assert!(waits.iter().all(|before| before < &task), "{task} waits for {waits:?}");
        }
        for (step, sources) in sources.iter().enumerate() {
            let to = partition.task_of[step];
            for from in sources.iter().map(|source| partition.task_of[*source]) {
                assert!(from == to || partition.waits[to].contains(&from), "{step}");
            }
        }
    }

    #[test]
    fn chains_side_by_side_are_shared_out() {
        // 40 chains of 20 steps, and one that sums them.
        let mut sources: Vec<Vec<usize>> = Vec::new();
        for chain in 0..40 {
            sources.extend((0..20).map(|step| if step == 0 { vec![] } else { vec![chain * 20 + step - 1] }));
        }
        sources.push((0..40).map(|chain| chain * 20 + 19).collect());
        let costs = vec![100.0; sources.len()];
        let partition = partition(&sources, &costs, 2).unwrap();
        check(&sources, &partition);
        assert!(partition.makespan(&costs, 2) < 0.55 * 80_000.0);
        // Nothing waits for the sum but the sum.
        assert_eq!(partition.task_of.iter().filter(|task| **task == partition.task_of[800]).count(), 1);
        let whole = |chain: &usize| {
            let tasks = &partition.task_of[chain * 20..][..20];
            tasks.iter().all(|task| task == &tasks[0])
        };
        assert!((0..40).all(|chain| whole(&chain)), "{:?}", partition.task_of);
    }

    #[test]
    fn what_is_small_or_waits_for_itself_stays_on_one_thread() {
        let chain: Vec<Vec<usize>> =
            (0..1000usize).map(|step| step.checked_sub(1).into_iter().collect()).collect();
        assert_eq!(partition(&chain, &[100.0; 1000], 2), None);
        assert_eq!(partition(&vec![Vec::new(); 100], &[100.0; 100], 2), None);
        assert!(partition(&vec![Vec::new(); 1000], &[100.0; 1000], 2).is_some());
        assert_eq!(partition(&vec![Vec::new(); 1000], &[100.0; 1000], 1), None);
    }

    #[test]
    fn any_graph_is_cut_without_a_loop() {
        let mut chance = Chance::new(4);
        for _ in 0..100 {
            let steps = 50 + chance.below(400) as usize;
            let sources: Vec<Vec<usize>> = (0..steps)
                .map(|step| {
                    let count = if step == 0 { 0 } else { chance.below(4) as usize };
                    (0..count).map(|_| chance.below(step as u32) as usize).collect()
                })
                .collect();
            let costs: Vec<f32> = (0..steps).map(|_| 100.0 + chance.below(2_000) as f32).collect();
            for threads in [2, 4, 8] {
                if let Some(partition) = partition(&sources, &costs, threads) {
                    check(&sources, &partition);
                }
            }
        }
    }
}
