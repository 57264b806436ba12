//! The live view in a real terminal: tmux provides it, sends keys, and captures the screen.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use core::time::Duration;
use std::fs;
use std::io::Write;
use std::process::Command;
use std::thread::sleep;
use std::time::Instant;

use common::TempDir;

/// A terminal in a tmux server of its own.
struct Terminal {
    socket: String,
    dir: TempDir,
}

impl Terminal {
    /// Runs `nearmiss watch --tui` on a log of `upstreams` upstreams, then prints its exit code.
    fn start(name: &str, upstreams: &[String]) -> Self {
        let terminal = Self::new(name);
        fs::write(terminal.log(), "").unwrap();
        upstreams.iter().for_each(|upstream| terminal.append(upstream, 2));
        terminal.run(&format!("watch --tui --from-start --format exchange '{}'", terminal.log()));
        terminal
    }

    fn new(name: &str) -> Self {
        Self { socket: format!("nearmiss-{}-{name}", std::process::id()), dir: TempDir::new() }
    }

    /// Runs `nearmiss` with these arguments, then prints its exit code.
    fn run(&self, arguments: &str) {
        let nearmiss = env!("CARGO_BIN_EXE_nearmiss");
        let command = format!("'{nearmiss}' {arguments}; echo ended $?; stty -a; exec cat");
        self.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "30", &command]);
    }

    fn log(&self) -> String {
        self.dir.path("exchange.log")
    }

    /// Appends one exchange to the log.
    fn append(&self, upstream: &str, attempts: u32) {
        let upstream = serde_json::to_string(upstream).unwrap();
        let mut file = fs::OpenOptions::new().append(true).open(self.log()).unwrap();
        writeln!(
            file,
            r#"{{"ts":1795420800,"upstream":{upstream},"status":200,"duration_ms":9,"attempts":{attempts}}}"#
        )
        .unwrap();
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux").args(["-L", &self.socket]).args(arguments).output();
        let output = output.expect("tmux is missing; Debian: apt-get install tmux");
        assert!(output.status.success(), "tmux {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Returns a variable of tmux: `alternate_on`, `cursor_flag`, `pane_title`.
    fn tmux_variable(&self, what: &str) -> String {
        self.tmux(&["display-message", "-p", &format!("#{{{what}}}")]).trim_end().to_owned()
    }

    fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Waits until the screen is as expected and returns it.
    fn wait(&self, what: &str, is_expected: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let screen = self.screen();
            if is_expected(&screen) {
                return screen;
            }
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "timed out waiting for {what}; the screen is\n{screen}"
            );
            sleep(Duration::from_millis(50));
        }
    }

    /// Waits for the process to exit and asserts that the terminal is restored.
    fn assert_restored(&self) {
        let screen = self.wait("the end", |screen| screen.contains("icanon"));
        assert!(screen.contains("ended 0"), "{screen}");
        assert!(
            screen.contains(" icanon") && screen.contains(" echo "),
            "line editing and echo are on again: {screen}"
        );
        assert!(!screen.contains("UPSTREAM"), "the view is gone: {screen}");
        assert_eq!(
            (self.tmux_variable("alternate_on").as_str(), self.tmux_variable("cursor_flag").as_str()),
            ("0", "1")
        );
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-L", &self.socket, "kill-server"]).output();
    }
}

fn numbered(count: u32) -> Vec<String> {
    (0..count).map(|number| format!("upstream-{number:02}")).collect()
}

#[test]
fn existing_and_new_exchanges_are_shown() {
    let terminal = Terminal::start("comes", &["cart".into()]);
    let screen = terminal
        .wait("the first upstream", |screen| screen.contains("cart") && screen.contains("LAST RECORDS (1)"));
    assert!(screen.contains("0 rejected  0 abandoned"), "{screen}");
    assert!(screen.contains("first try 0.00") && screen.contains("succeeded after 2 attempts"), "{screen}");
    assert_eq!(terminal.tmux_variable("alternate_on"), "1", "the alternate screen is in use");
    terminal.append("ledger", 1);
    terminal.wait("an upstream that came later", |screen| {
        screen.contains("ledger") && screen.contains("2 exchanges")
    });
    terminal.press(&["q"]);
    terminal.assert_restored();
}

#[test]
fn the_process_exits_when_its_terminal_is_gone() {
    let terminal = Terminal::start("gone", &["cart".into()]);
    terminal.wait("the first upstream", |screen| screen.contains("cart"));
    // The process that the shell in tmux started.
    let shell = terminal.tmux_variable("pane_pid");
    let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    let process = std::path::PathBuf::from(format!("/proc/{}", children.trim()));
    assert!(process.exists() && !children.trim().is_empty(), "{children}");
    terminal.tmux(&["kill-server"]);
    let start = Instant::now();
    while process.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "the process is still running without a terminal");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn panes_scroll_separately_and_ctrl_c_quits() {
    let terminal = Terminal::start("scrolls", &numbered(40));
    terminal.wait("the first upstream", |screen| {
        screen.contains("upstream-00") && !screen.contains("upstream-25 ")
    });
    terminal.press(&["End"]);
    terminal.wait("the last upstream", |screen| screen.contains("upstream-39 "));
    terminal.press(&["Home"]);
    terminal.wait("the first again", |screen| {
        screen.lines().nth(2).is_some_and(|line| line.contains("upstream-00"))
    });
    let newest = |screen: &str| {
        let heading = screen.lines().position(|line| line.starts_with("LAST RECORDS")).unwrap_or(0);
        screen.lines().nth(heading + 1).unwrap_or_default().to_owned()
    };
    terminal.wait("the newest record", |screen| newest(screen).contains("upstream-39"));
    terminal.press(&["Tab", "Tab", "End"]);
    terminal.wait("older records", |screen| {
        screen.lines().rev().nth(1).is_some_and(|line| line.contains("upstream-00"))
    });
    terminal.press(&["C-c"]);
    terminal.assert_restored();
}

#[test]
fn keys_filter_sort_pause_and_open_a_record() {
    let terminal = Terminal::start("keys", &["cart".into(), "search".into(), "blog".into()]);
    terminal.wait("the view", |screen| screen.contains("LAST RECORDS (3)"));
    terminal.press(&["?"]);
    terminal.wait("the help", |screen| screen.contains("Keys and columns"));
    terminal.press(&["x"]);
    terminal.press(&["/"]);
    terminal.press(&["s", "e", "a"]);
    terminal.wait("only `search`", |screen| screen.contains("LAST RECORDS (1)") && screen.contains("/sea"));
    terminal.press(&["Enter"]);
    terminal.wait("the keys again", |screen| screen.contains("filter: sea"));
    terminal.press(&["Tab", "Tab", "Enter"]);
    terminal.wait("the whole record", |screen| {
        screen.contains("\"upstream\": \"search\"") && screen.contains("\"attempts\": 2")
    });
    terminal.press(&["Escape"]);
    terminal.wait("the record is closed", |screen| !screen.contains("\"attempts\": 2"));
    terminal.press(&["Escape"]);
    terminal.wait("no filter", |screen| screen.contains("LAST RECORDS (3)"));
    terminal.press(&["s"]);
    terminal.wait("sorted by exchanges", |screen| screen.contains("▾exchanges"));
    terminal.press(&["p"]);
    terminal.wait("paused", |screen| screen.contains("PAUSED"));
    terminal.append("ledger", 2);
    terminal.append("ledger", 2);
    terminal.press(&["p"]);
    terminal.wait("the present", |screen| !screen.contains("PAUSED") && screen.contains("5 exchanges"));
    terminal.press(&["q"]);
    terminal.assert_restored();
}

#[test]
fn the_screen_follows_the_terminal_size_and_escape_quits() {
    let terminal = Terminal::start("resizes", &numbered(5));
    terminal.wait("the view", |screen| screen.contains("q quit") && screen.contains("LAST RECORDS (5)"));
    for (width, height) in [("60", "12"), ("20", "4"), ("160", "50")] {
        terminal.tmux(&["resize-window", "-x", width, "-y", height]);
        let (columns, rows): (usize, usize) = (width.parse().unwrap(), height.parse().unwrap());
        terminal.wait("the foot on the last line", |screen| {
            let lines: Vec<_> = screen.lines().collect();
            lines.len() == rows
                && lines.last().is_some_and(|line| line.starts_with("q quit"))
                && lines.iter().all(|line| line.chars().count() <= columns)
                && lines.iter().filter(|line| line.starts_with("nearmiss")).count() == 1
        });
    }
    terminal.press(&["Escape"]);
    terminal.assert_restored();
}

#[test]
fn terminal_escapes_in_names_have_no_effect() {
    let names = ["\u{1b}]2;owned\u{7}title", "\u{1b}[2J\u{1b}[Hcleared", "\u{202e}turned"].map(str::to_owned);
    let terminal = Terminal::start("hostile", &names);
    let screen =
        terminal.wait("all three", |screen| screen.contains("3 exchanges") && screen.contains("turned"));
    assert!(screen.contains("\u{fffd}]2;owned\u{fffd}title"), "{screen}");
    assert!(screen.starts_with("nearmiss") && !screen.contains('\u{202e}'), "{screen}");
    assert_ne!(terminal.tmux_variable("pane_title"), "owned");
    terminal.press(&["q"]);
    terminal.assert_restored();
}

#[test]
fn without_a_terminal_lines_are_printed() {
    let dir = TempDir::new();
    let log = dir.write(
        "exchange.log",
        "{\"ts\":1795420800,\"upstream\":\"cart\",\"status\":200,\"duration_ms\":9,\"attempts\":2}\n",
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_nearmiss"))
        .args(["watch", "--tui", "--from-start", "--format", "exchange"])
        .arg(&log)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with(r#"{"schema":1,"type":"exchange""#), "{line}");
}

#[test]
fn replay_prints_episodes_as_sentences_on_a_terminal_and_records_if_asked_for() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/logs/shop.log.gz");
    for (name, arguments) in [("people", ""), ("json", "--json")] {
        let terminal = Terminal::new(name);
        terminal.run(&format!("replay {arguments} '{sample}'"));
        let screen = terminal.wait("the end", |screen| screen.contains("ended 0"));
        if arguments.is_empty() {
            assert!(screen.contains("UTC  checkout: sustained, became an outage"), "{screen}");
            assert!(!screen.contains(r#""routes":["#), "{screen}");
        } else {
            // The last record wraps over the lines above the table.
            assert!(screen.contains(r#""routes":["#) && !screen.contains("UTC  checkout"), "{screen}");
        }
    }
}
