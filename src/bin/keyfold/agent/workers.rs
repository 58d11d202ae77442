//! Threads that wait for the next client: a new one costs a tenth of what a whole command may take, most of it for a stack
//! that nothing has touched yet.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Threads that stay when nobody is there: for a command that asks while another one is just leaving.
const WAITING: usize = 2;

/// Work that is handed over, and who waits for it.
pub(super) struct Workers<T> {
    waiting: Mutex<Waiting<T>>,
    handed: Condvar,
}

struct Waiting<T> {
    threads: usize,
    work: Vec<T>,
}

impl<T> Default for Workers<T> {
    fn default() -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                threads: 0,
                work: Vec::new(),
            }),
            handed: Condvar::new(),
        }
    }
}

impl<T> Workers<T> {
    /// Hands work to a thread that waits; back, where none does.
    pub(super) fn hand(&self, work: T) -> Result<(), T> {
        let mut waiting = self.waiting();
        if waiting.threads == waiting.work.len() {
            return Err(work);
        }
        waiting.work.push(work);
        self.handed.notify_one();
        Ok(())
    }

    /// Waits for work; `None` where enough threads wait already, and this one is to end.
    pub(super) fn next(&self) -> Option<T> {
        let mut waiting = self.waiting();
        if waiting.threads == WAITING {
            return None;
        }
        waiting.threads += 1;
        loop {
            if let Some(work) = waiting.work.pop() {
                waiting.threads -= 1;
                return Some(work);
            }
            waiting = self
                .handed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::thread;

    #[test]
    fn work_comes_back_where_nobody_waits_and_is_done_once_where_many_do() {
        let workers = Arc::new(Workers::default());
        assert_eq!(workers.hand(0), Err(0));
        let (done, told) = channel();
        let threads: Vec<_> = (0..2 * WAITING)
            .map(|_| {
                let (workers, done) = (Arc::clone(&workers), done.clone());
                thread::spawn(move || workers.next().map(|work| done.send(work)))
            })
            .collect();
        // All but those that may wait end by themselves.
        while threads.iter().filter(|thread| thread.is_finished()).count() < WAITING {
            thread::yield_now();
        }
        for mut work in 1..=WAITING {
            while let Err(back) = workers.hand(work) {
                work = back;
                thread::yield_now();
            }
        }
        let mut all: Vec<usize> = told.iter().take(WAITING).collect();
        all.sort_unstable();
        assert_eq!(all, (1..=WAITING).collect::<Vec<_>>());
        for thread in threads {
            thread.join().expect("it ends");
        }
        assert_eq!(workers.hand(9), Err(9));
    }
}
