//! What the system knows: CPU time, memory, and who else is there.

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// CPU time of all living threads of a process, in nanoseconds. What a thread used that has ended is forgotten;
/// those that matter here live as long as what they serve.
pub(crate) fn process_cpu_ns(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = task?.path().join("schedstat");
        // A thread may end while the folder is read.
        if path.exists() {
            sum += schedstat(&path.display().to_string())?;
        }
    }
    ensure!(sum > 0, "the system does not count the CPU time of threads");
    Ok(sum)
}

/// CPU time of the calling thread, in nanoseconds.
pub(crate) fn thread_cpu_ns() -> Result<u64> {
    schedstat("/proc/thread-self/schedstat")
}

fn schedstat(path: &str) -> Result<u64> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?;
    Ok(text.split(' ').next().context("schedstat is empty")?.parse()?)
}

/// Resident memory of this process.
pub(crate) fn resident_kib() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("status has no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// Lets this process have as many files open as the system allows it: every far end is a socket.
pub(crate) fn allow_files() -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, most)?)
}

/// CPU time the whole machine has been busy, in nanoseconds over all cores.
pub(crate) fn busy_ns() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let line = text.lines().next().context("/proc/stat is empty")?;
    let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in the first two already.
    let busy: u64 =
        ticks.iter().take(8).enumerate().filter(|(n, _)| !matches!(n, 3 | 4)).map(|(_, t)| t).sum();
    // The unit of this file is a hundredth of a second on every Linux we run on.
    Ok(busy * 10_000_000)
}

/// What shared the machine with a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    /// Cores this program may use.
    pub cores: usize,
    /// Load averages over 1, 5 and 15 minutes, the run itself included.
    pub load: [f64; 3],
    /// CPU that went to other programs while packets were counted, in percent of one core.
    pub others_percent: Option<f64>,
    /// The kernel.
    pub kernel: String,
    /// `release`, or `debug`, whose figures mean nothing.
    pub build: String,
}

impl Shared {
    /// Looks around; what others used is filled in by who measured it.
    pub(crate) fn look(others_percent: Option<f64>) -> Result<Self> {
        let text = std::fs::read_to_string("/proc/loadavg")?;
        let mut words = text.split(' ').map_while(|word| word.parse::<f64>().ok());
        let mut next = || words.next().context("/proc/loadavg is short");
        Ok(Self {
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            load: [next()?, next()?, next()?],
            others_percent,
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            build: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
        })
    }

    /// Looks around, with no window to tell what others used.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn now() -> Result<Self> {
        Self::look(None)
    }

    /// One line for people.
    #[must_use]
    pub fn line(&self) -> String {
        let others = self.others_percent.map_or_else(String::new, |percent| {
            format!(", other programs {percent:.0} % of a core while counting")
        });
        format!(
            "shared the machine: {} cores, load {:.2} {:.2} {:.2}{others}; Linux {}; {} build",
            self.cores, self.load[0], self.load[1], self.load[2], self.kernel, self.build
        )
    }
}
