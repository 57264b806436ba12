//! The terminal: drawing, keys, and restoring its state.

use super::dashboard::Dashboard;
use super::follow::{EventHandler, Follower};
use super::palette::Palette;
use super::screen::render;
use super::view::View;
use crate::colors;
use crate::error::Error;
use core::sync::atomic::Ordering;
use core::time::Duration;
use crossterm::event::{self, Event, KeyEventKind};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, terminal};
use nearmiss::{Exchange, Fate, Record, Verdict};
use nearmiss_formats::LineError;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use std::io::{self, Stdout, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Redraw interval while no key is pressed.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Grace period for the UI loop to see the stop flag.
const EXIT_GRACE: Duration = Duration::from_secs(2);

/// Exits after a grace period. Once the terminal is gone, polling it keeps returning readable without an event, so
/// the UI loop never sees the stop flag.
pub(super) fn force_exit_after_grace() {
    thread::sleep(EXIT_GRACE);
    restore(&mut io::stdout());
    std::process::exit(0);
}

/// Restores the terminal. Errors are ignored: there is nowhere left to report them.
fn restore(out: &mut impl Write) {
    let _ = execute!(out, LeaveAlternateScreen, cursor::Show);
    let _ = terminal::disable_raw_mode();
}

/// Follows the file in one thread and displays the dashboard in this one, until the user quits.
pub(super) fn run(follower: Follower) -> Result<(), Error> {
    let shared = SharedDashboard::default();
    let (mut writer, stop) = (shared.clone(), Arc::clone(&follower.stop));
    let files = names(&follower.files);
    let following = thread::spawn(move || follower.follow(&mut writer));
    let display_result = show(&shared, &files, || stop.load(Ordering::Relaxed) || following.is_finished());
    stop.store(true, Ordering::Relaxed);
    let follow_result = following.join();
    display_result.map_err(Error::Output)?;
    follow_result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Returns the names of the files, without their directories.
fn names(files: &[PathBuf]) -> String {
    let names: Vec<_> =
        files.iter().map(|file| file.file_name().unwrap_or_default().to_string_lossy()).collect();
    names.join(", ")
}

fn show(shared: &SharedDashboard, files: &str, is_over: impl Fn() -> bool) -> io::Result<()> {
    let mut guard = TerminalGuard::enter()?;
    let (mut view, palette) = (View::default(), Palette::new(colors::are_wanted()));
    while !is_over() {
        let paused = view.paused.clone();
        guard.terminal.draw(|frame| match &paused {
            Some(dashboard) => render(frame, dashboard, &mut view, files, &palette),
            None => render(frame, &shared.dashboard(), &mut view, files, &palette),
        })?;
        if event::poll(POLL_INTERVAL)?
            && let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
        {
            let page = guard.terminal.size()?.height / 2;
            let goes_on = match &paused {
                Some(dashboard) => view.handle_key(key, page, dashboard),
                None => view.handle_key(key, page, &shared.dashboard()),
            };
            if !goes_on {
                break;
            }
        }
    }
    Ok(())
}

/// The terminal in raw mode; dropping it restores the terminal.
struct TerminalGuard {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl TerminalGuard {
    fn enter() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        // From here on, dropping the guard restores the terminal.
        let mut guard = Self { terminal: Terminal::new(CrosstermBackend::new(io::stdout()))? };
        execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)?;
        guard.terminal.clear()?;
        Ok(guard)
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore(&mut io::stdout());
    }
}

/// The dashboard, shared by the thread that follows the file and the one that displays it.
#[derive(Clone, Default)]
struct SharedDashboard(Arc<Mutex<Dashboard>>);

impl SharedDashboard {
    fn dashboard(&self) -> MutexGuard<'_, Dashboard> {
        // Counts are consistent even after a panic in another thread.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventHandler for SharedDashboard {
    const READS_FIELDS: bool = Dashboard::READS_FIELDS;

    fn on_exchange(&mut self, exchange: &Exchange<'_>, verdict: &Verdict) {
        self.dashboard().on_exchange(exchange, verdict);
    }

    fn on_judged(&mut self, upstream: &str, fate: Fate) {
        self.dashboard().on_judged(upstream, fate);
    }

    fn on_record(&mut self, record: Record<'_>) -> Result<(), Error> {
        self.dashboard().on_record(record)
    }

    fn on_unreadable_line(&mut self, path: &Path, number: u64, error: &LineError) {
        self.dashboard().on_unreadable_line(path, number, error);
    }
}
