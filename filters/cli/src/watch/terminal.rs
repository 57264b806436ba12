//! The terminal itself: taken over, painted, listened to, and given back as it was.

use super::screen::{Line, Scroll, Tone, screen};
use super::view::View;
use super::{Follower, Onlooker};
use crate::setup::Error;
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

/// How often the screen is painted while no key is pressed.
const PERIOD: Duration = Duration::from_millis(250);

/// How long the thread that listens to the terminal may take to see that it is to stop.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ends the process if it does not end by itself: a terminal that is gone is one that always has something to read and never
/// says what, so whoever listens to it can be told no more.
pub(super) fn insist() {
    thread::sleep(PATIENCE);
    give_back(&mut io::stdout());
    std::process::exit(0);
}

/// Leaves the terminal as it was; nobody is left to be told that this failed.
fn give_back(out: &mut impl Write) {
    let _ = execute!(out, LeaveAlternateScreen, cursor::Show);
    let _ = terminal::disable_raw_mode();
}

/// Follows in one thread and shows in this one, until somebody has seen enough.
pub(super) fn run(follower: Follower) -> Result<(), Error> {
    let shared = Shared::default();
    let (mut writer, stop) = (shared.clone(), Arc::clone(&follower.stop));
    let file = follower.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let following = thread::spawn(move || follower.follow(&mut writer));
    let shown = show(&shared, &file, || stop.load(Ordering::Relaxed) || following.is_finished());
    stop.store(true, Ordering::Relaxed);
    let followed = following.join();
    shown.map_err(Error::Output)?;
    followed.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn show(shared: &Shared, file: &str, over: impl Fn() -> bool) -> io::Result<()> {
    let mut taken = Taken::take()?;
    let mut scroll = Scroll::default();
    while !over() {
        let (width, height) = terminal::size()?;
        let lines = screen(&shared.view(), file, &mut scroll, width.into(), height.into());
        taken.paint(&lines)?;
        if event::poll(PERIOD)?
            && let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
            && !heed(key, &mut scroll, height)
        {
            break;
        }
    }
    Ok(())
}

/// Does what a key asks for; false if that is to end.
fn heed(key: KeyEvent, scroll: &mut Scroll, height: u16) -> bool {
    let page = isize::try_from(height / 2).unwrap_or(1);
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return false,
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
        KeyCode::Tab => scroll.next_part(),
        KeyCode::Up | KeyCode::Char('k') => scroll.by(-1),
        KeyCode::Down | KeyCode::Char('j') => scroll.by(1),
        KeyCode::PageUp => scroll.by(-page),
        KeyCode::PageDown => scroll.by(page),
        KeyCode::Home => scroll.by(isize::MIN),
        KeyCode::End => scroll.by(isize::MAX),
        _ => {}
    }
    true
}

/// The terminal while it is ours; whatever happens, it is given back.
struct Taken {
    out: BufWriter<io::Stdout>,
    colours: bool,
}

impl Taken {
    fn take() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        // From here on, dropping gives it back.
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let mut taken = Self { out: BufWriter::new(io::stdout()), colours: !unwanted };
        execute!(taken.out, EnterAlternateScreen, cursor::Hide)?;
        Ok(taken)
    }

    fn paint(&mut self, lines: &[Line]) -> io::Result<()> {
        queue!(self.out, BeginSynchronizedUpdate)?;
        for (row, line) in (0..).zip(lines) {
            queue!(self.out, cursor::MoveTo(0, row))?;
            for (tone, text) in &line.pieces {
                self.tone(*tone)?;
                queue!(self.out, Print(text), SetAttribute(Attribute::Reset), ResetColor)?;
            }
            queue!(self.out, Clear(ClearType::UntilNewLine))?;
        }
        queue!(self.out, Clear(ClearType::FromCursorDown), EndSynchronizedUpdate)?;
        self.out.flush()
    }

    fn tone(&mut self, tone: Tone) -> io::Result<()> {
        match tone {
            Tone::Plain => Ok(()),
            Tone::Dim => queue!(self.out, SetAttribute(Attribute::Dim)),
            Tone::Strong => queue!(self.out, SetAttribute(Attribute::Bold)),
            Tone::Warning if self.colours => queue!(self.out, SetForegroundColor(Color::Yellow)),
            Tone::Alarm if self.colours => queue!(self.out, SetForegroundColor(Color::Red)),
            Tone::Warning | Tone::Alarm => Ok(()),
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back(&mut self.out);
    }
}

/// The view, written by one thread and shown by another.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<View>>);

impl Shared {
    fn view(&self) -> MutexGuard<'_, View> {
        // Counts are whole between any two statements that write them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Onlooker for Shared {
    fn exchange(&mut self, exchange: &Exchange<'_>, verdict: &Verdict) {
        self.view().exchange(exchange, verdict);
    }

    fn judged(&mut self, upstream: &str, fate: Fate) {
        self.view().judged(upstream, fate);
    }

    fn record(&mut self, record: Record<'_>) -> Result<(), Error> {
        self.view().record(record)
    }

    fn bad(&mut self, path: &Path, number: u64, error: &LineError) {
        self.view().bad(path, number, error);
    }
}
