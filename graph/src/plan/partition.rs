//! Cutting a graph into tasks that several threads can run, from what its steps were measured to cost. Control side.

use crate::engine::tasks::MAX_TASKS;

/// Nanoseconds that a quantum must take for it to be worth more than one thread.
const LEAST: f32 = 30_000.0;
/// Nanoseconds that taking and finishing a task costs, about.
const TOLL: f32 = 300.0;
/// What the tasks of a quantum must take at most on several threads, as a part of what they take on one.
const GAIN: f32 = 0.8;
/// Tasks for each thread: enough that none idles for long at the end.
const TASKS_PER_THREAD: f32 = 8.0;

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
    let mut grain = total / (threads as f32 * TASKS_PER_THREAD);
    while grain < total {
        let clusters = clusters(sources, costs, grain);
        let tasks = level(sources, costs, &clusters, grain);
        if tasks.waits.len() <= MAX_TASKS {
            return (tasks.makespan(costs, threads) < GAIN * total).then_some(tasks);
        }
        grain *= 1.5;
    }
    None
}

/// Joins each step with the only one that hears it, or with all that do if they are together already, as long as what is
/// joined stays below the grain. A cluster has one way out, its last step: so clusters form no loop. Gives the last
/// step of each step's cluster.
fn clusters(sources: &[Vec<usize>], costs: &[f32], grain: f32) -> Vec<usize> {
    let mut last: Vec<usize> = (0..sources.len()).collect();
    let mut cost = costs.to_vec();
    // What hears a step: nothing, one cluster, or several.
    let mut heard_by: Vec<Option<usize>> = vec![None; sources.len()];
    let mut split = vec![false; sources.len()];
    for step in (0..sources.len()).rev() {
        if let Some(cluster) = heard_by[step].filter(|_| !split[step])
            && cost[cluster] + costs[step] <= grain
        {
            last[step] = cluster;
            cost[cluster] += costs[step];
        }
        for source in &sources[step] {
            match heard_by[*source] {
                None => heard_by[*source] = Some(last[step]),
                Some(other) => split[*source] |= other != last[step],
            }
        }
    }
    last
}

/// Joins clusters of the same depth up to the grain: none of them waits for another.
fn level(sources: &[Vec<usize>], costs: &[f32], clusters: &[usize], grain: f32) -> Partition {
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
    let (mut task, mut filled, mut at) = (0, 0.0, 0);
    for (index, cluster) in all.iter().enumerate() {
        let fits = filled + cost[*cluster] <= grain && depth[*cluster] == at;
        if index > 0 && !fits {
            task += 1;
            filled = 0.0;
        }
        (filled, at) = (filled + cost[*cluster], depth[*cluster]);
        task_of_cluster[*cluster] = task;
    }
    let task_of: Vec<usize> = clusters.iter().map(|cluster| task_of_cluster[*cluster]).collect();
    let mut waits: Vec<Vec<usize>> = vec![Vec::new(); task + 1];
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
    /// Nanoseconds that threads take which each do the first task that can begin.
    fn makespan(&self, costs: &[f32], threads: usize) -> f32 {
        let mut tasks = vec![TOLL; self.waits.len()];
        self.task_of.iter().zip(costs).for_each(|(task, cost)| tasks[*task] += cost);
        let mut done: Vec<f32> = Vec::with_capacity(tasks.len());
        let mut free = vec![0.0f32; threads];
        for (task, cost) in tasks.iter().enumerate() {
            let ready = self.waits[task].iter().map(|before| done[*before]).fold(0.0, f32::max);
            // Who is free first takes it.
            let Some(thread) = free.iter_mut().min_by(|a, b| a.total_cmp(b)) else { break };
            *thread = thread.max(ready) + cost;
            done.push(*thread);
        }
        done.into_iter().fold(0.0, f32::max)
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
        assert!(partition.makespan(&costs, 2) < 0.6 * 80_000.0);
        let whole = |chain: &usize| {
            let tasks = &partition.task_of[chain * 20..][..20];
            tasks.iter().all(|task| task == &tasks[0])
        };
        // One may be shared between the sum's task and the one before.
        assert!((0..40).filter(whole).count() >= 39, "{:?}", partition.task_of);
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
