//! Named, timed steps: all of them run, and the end says which failed.

use std::time::{Duration, Instant};

use anyhow::bail;

/// The steps of one task so far.
pub(crate) struct Steps {
    task: &'static str,
    done: Vec<Step>,
}

struct Step {
    name: &'static str,
    took: Duration,
    failed: bool,
}

impl Steps {
    /// Begins the steps of `task`.
    pub(crate) fn of(task: &'static str) -> Self {
        Self { task, done: Vec::new() }
    }

    /// Runs one step and says how it went; a failure is shown at once and does not stop the next step.
    pub(crate) fn run(&mut self, name: &'static str, work: impl FnOnce() -> anyhow::Result<()>) {
        println!("{}: {name} …", self.task);
        let began = now();
        let outcome = work();
        let took = began.elapsed();
        let failed = outcome.is_err();
        match outcome {
            Ok(()) => println!("{}: {name} ok ({:.1} s)", self.task, took.as_secs_f64()),
            Err(error) => println!("{}: {name} FAILED ({:.1} s)\n{error:#}", self.task, took.as_secs_f64()),
        }
        self.done.push(Step { name, took, failed });
    }

    /// Sums up; an error names the steps that failed.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let failed: Vec<_> = self.done.iter().filter(|step| step.failed).map(|step| step.name).collect();
        let took: Duration = self.done.iter().map(|step| step.took).sum();
        if failed.is_empty() {
            println!("{}: all {} steps ok ({:.1} s)", self.task, self.done.len(), took.as_secs_f64());
            return Ok(());
        }
        bail!("{}: {} of {} steps failed: {}", self.task, failed.len(), self.done.len(), failed.join(", "));
    }
}

/// The moment from which a step is timed.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a step took is for the person who waits; nothing depends on it"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_lets_the_next_one_run_and_is_named_at_the_end() {
        let mut ran = false;
        let mut steps = Steps::of("try");
        steps.run("first", || bail!("no"));
        steps.run("second", || {
            ran = true;
            Ok(())
        });
        assert!(ran);
        assert_eq!(steps.finish().unwrap_err().to_string(), "try: 1 of 2 steps failed: first");
    }
}
