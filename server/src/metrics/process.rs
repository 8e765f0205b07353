//! What the system says of this process. Control side: reads files of the system.
#![allow(clippy::disallowed_types, reason = "control threads lock")]

use std::sync::{Mutex, PoisonError};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// The process, as the system sees it; nothing where the system is none that is known.
#[derive(Debug)]
pub struct Process(Mutex<Option<System>>);

/// What it uses.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Bytes in memory.
    pub resident: u64,
    /// Bytes of addresses.
    pub mapped: u64,
    /// Processor time since the start, in seconds.
    pub cpu: f64,
    /// Files and connections that are open, and how many may be, where the system tells.
    pub files: Option<(usize, usize)>,
    /// Threads, where the system tells.
    pub threads: Option<usize>,
    /// When it began, in seconds since the Unix epoch.
    pub started: u64,
}

impl Default for Process {
    fn default() -> Self {
        Self(Mutex::new(System::new().ok()))
    }
}

impl Process {
    /// What it uses now; nothing where the system does not tell.
    pub fn usage(&self) -> Usage {
        let id = Pid::from_u32(std::process::id());
        let mut system = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(system) = &mut *system else { return Usage::default() };
        let wanted = ProcessRefreshKind::nothing().with_memory().with_cpu().with_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), true, wanted);
        let Some(process) = system.process(id) else { return Usage::default() };
        Usage {
            resident: process.memory(),
            mapped: process.virtual_memory(),
            cpu: process.accumulated_cpu_time() as f64 / 1000.0,
            files: process.open_files().zip(process.open_files_limit()),
            // Its first thread is the process itself.
            threads: process.tasks().map(|tasks| tasks.len().max(1)),
            started: process.start_time(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_sees_its_own_memory_and_work() {
        let _turn = crate::memory::turn();
        let process = Process::default();
        let before = process.usage();
        assert!(before.resident > 1 << 20 && before.started > 1_600_000_000, "{before:?}");
        let block = std::hint::black_box(vec![1_u8; 256 << 20]);
        let work = std::time::Instant::now();
        while work.elapsed().as_millis() < 100 {
            std::hint::black_box(block[..1 << 20].iter().map(|byte| u64::from(*byte)).sum::<u64>());
        }
        let after = process.usage();
        // What other tests give back meanwhile is far less than a quarter of it.
        assert!(after.resident >= before.resident + (192 << 20), "{before:?} {after:?}");
        assert!(after.cpu > before.cpu && after.cpu < before.cpu + 60.0, "{before:?} {after:?}");
    }
}
