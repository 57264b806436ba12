//! The terminal: drawing, keys, and restoring its state.

use super::dashboard::Dashboard;
use super::follow::{EventHandler, FileFollower};
use super::screen::render;
use super::scroll::Scroll;
use super::styled_line::{Style, StyledLine};
use crate::error::Error;
use core::sync::atomic::Ordering;
use core::time::Duration;
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{cursor, execute, queue, terminal};
use nearmiss::{Exchange, Fate, Record, Verdict};
use nearmiss_formats::LineError;
use std::io::{self, BufWriter, Write};
use std::path::Path;
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
pub(super) fn run(follower: FileFollower) -> Result<(), Error> {
    let shared = SharedDashboard::default();
    let (mut writer, stop) = (shared.clone(), Arc::clone(&follower.stop));
    let file = follower.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let following = thread::spawn(move || follower.follow(&mut writer));
    let display_result = show(&shared, &file, || stop.load(Ordering::Relaxed) || following.is_finished());
    stop.store(true, Ordering::Relaxed);
    let follow_result = following.join();
    display_result.map_err(Error::Output)?;
    follow_result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn show(shared: &SharedDashboard, file: &str, is_over: impl Fn() -> bool) -> io::Result<()> {
    let mut guard = TerminalGuard::enter()?;
    let mut scroll = Scroll::default();
    while !is_over() {
        let (width, height) = terminal::size()?;
        let lines = render(&shared.dashboard(), file, &mut scroll, width.into(), height.into());
        guard.draw(&lines)?;
        if event::poll(POLL_INTERVAL)?
            && let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
            && !handle_key(key, &mut scroll, height)
        {
            break;
        }
    }
    Ok(())
}

/// Handles a key; returns false to quit.
fn handle_key(key: KeyEvent, scroll: &mut Scroll, height: u16) -> bool {
    let page = isize::try_from(height / 2).unwrap_or(1);
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return false,
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
        KeyCode::Tab => scroll.next_pane(),
        KeyCode::Up | KeyCode::Char('k') => scroll.scroll_by(-1),
        KeyCode::Down | KeyCode::Char('j') => scroll.scroll_by(1),
        KeyCode::PageUp => scroll.scroll_by(-page),
        KeyCode::PageDown => scroll.scroll_by(page),
        KeyCode::Home => scroll.scroll_by(isize::MIN),
        KeyCode::End => scroll.scroll_by(isize::MAX),
        _ => {}
    }
    true
}

/// The terminal in raw mode; dropping it restores the terminal.
struct TerminalGuard {
    out: BufWriter<io::Stdout>,
    colours: bool,
}

impl TerminalGuard {
    fn enter() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        // From here on, dropping the guard restores the terminal.
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let mut guard = Self { out: BufWriter::new(io::stdout()), colours: !unwanted };
        execute!(guard.out, EnterAlternateScreen, cursor::Hide)?;
        Ok(guard)
    }

    fn draw(&mut self, lines: &[StyledLine]) -> io::Result<()> {
        queue!(self.out, BeginSynchronizedUpdate)?;
        for (row, line) in (0..).zip(lines) {
            queue!(self.out, cursor::MoveTo(0, row))?;
            for (style, text) in &line.pieces {
                self.style(*style)?;
                queue!(self.out, Print(text), SetAttribute(Attribute::Reset), ResetColor)?;
            }
            queue!(self.out, Clear(ClearType::UntilNewLine))?;
        }
        queue!(self.out, Clear(ClearType::FromCursorDown), EndSynchronizedUpdate)?;
        self.out.flush()
    }

    fn style(&mut self, style: Style) -> io::Result<()> {
        match style {
            Style::Plain => Ok(()),
            Style::Dim => queue!(self.out, SetAttribute(Attribute::Dim)),
            Style::Bold => queue!(self.out, SetAttribute(Attribute::Bold)),
            Style::Warning if self.colours => queue!(self.out, SetForegroundColor(Color::Yellow)),
            Style::Alarm if self.colours => queue!(self.out, SetForegroundColor(Color::Red)),
            Style::Warning | Style::Alarm => Ok(()),
        }
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore(&mut self.out);
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
