//! The live view in a real terminal: tmux gives it one, presses its keys and tells what is on the screen.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

use core::time::Duration;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Instant;

/// A terminal of the test's own, in a tmux of its own.
struct Terminal {
    socket: String,
    folder: PathBuf,
}

impl Terminal {
    /// Runs `nearmiss watch --tui` on a log of `upstreams` upstreams, and a shell that tells how it ended.
    fn start(name: &str, upstreams: &[String]) -> Self {
        let folder = std::env::temp_dir().join(format!("nearmiss-tui-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let terminal = Self { socket: format!("nearmiss-{}-{name}", std::process::id()), folder };
        fs::write(terminal.log(), "").unwrap();
        upstreams.iter().for_each(|upstream| terminal.append(upstream, 2));
        let command = format!(
            "'{}' watch --tui --from-start --format exchange '{}'; echo ended $?; stty -a; exec cat",
            env!("CARGO_BIN_EXE_nearmiss"),
            terminal.log().display()
        );
        terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "30", &command]);
        terminal
    }

    fn log(&self) -> PathBuf {
        self.folder.join("exchange.log")
    }

    /// Adds one exchange to the log.
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

    /// What tmux knows of the terminal: `alternate_on`, `cursor_flag`, `pane_title`.
    fn knows(&self, what: &str) -> String {
        self.tmux(&["display-message", "-p", &format!("#{{{what}}}")]).trim_end().to_owned()
    }

    fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// The screen, once it is as wanted.
    fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "never came: {what}; on the screen is\n{screen}"
            );
            sleep(Duration::from_millis(50));
        }
    }

    /// Waits for the end, and that the terminal is as it was before.
    fn assert_given_back(&self) {
        let screen = self.wait("the end", |screen| screen.contains("icanon"));
        assert!(screen.contains("ended 0"), "{screen}");
        assert!(
            screen.contains(" icanon") && screen.contains(" echo "),
            "lines are edited and echoed again: {screen}"
        );
        assert!(!screen.contains("UPSTREAM"), "nothing of the view is left: {screen}");
        assert_eq!((self.knows("alternate_on").as_str(), self.knows("cursor_flag").as_str()), ("0", "1"));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-L", &self.socket, "kill-server"]).output();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn numbered(count: u32) -> Vec<String> {
    (0..count).map(|number| format!("upstream-{number:02}")).collect()
}

#[test]
fn it_shows_what_is_there_and_what_comes() {
    let terminal = Terminal::start("comes", &["cart".into()]);
    let screen = terminal
        .wait("the first upstream", |screen| screen.contains("cart") && screen.contains("LAST RECORDS (1)"));
    assert!(screen.contains("first try 0.00") && screen.contains("It took 2 attempts"), "{screen}");
    assert_eq!(terminal.knows("alternate_on"), "1", "what was on the terminal before is kept");
    terminal.append("ledger", 1);
    terminal.wait("an upstream that came later", |screen| {
        screen.contains("ledger") && screen.contains("2 exchanges")
    });
    terminal.press(&["q"]);
    terminal.assert_given_back();
}

#[test]
fn it_ends_when_its_terminal_is_gone() {
    let terminal = Terminal::start("gone", &["cart".into()]);
    terminal.wait("the first upstream", |screen| screen.contains("cart"));
    // The process below the shell that tmux runs.
    let shell = terminal.knows("pane_pid");
    let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    let process = PathBuf::from(format!("/proc/{}", children.trim()));
    assert!(process.exists() && !children.trim().is_empty(), "{children}");
    terminal.tmux(&["kill-server"]);
    let start = Instant::now();
    while process.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "it lives on without a terminal");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn it_scrolls_each_part_and_ends_on_ctrl_c() {
    let terminal = Terminal::start("scrolls", &numbered(40));
    terminal.wait("the first upstream", |screen| {
        screen.contains("upstream-00") && !screen.contains("upstream-25 ")
    });
    terminal.press(&["End"]);
    terminal.wait("the last upstream", |screen| {
        screen.lines().nth(2).is_some_and(|line| !line.contains("upstream-00"))
    });
    terminal.press(&["Home"]);
    terminal.wait("the first again", |screen| {
        screen.lines().nth(2).is_some_and(|line| line.contains("upstream-00"))
    });
    terminal.press(&["Down"]);
    terminal
        .wait("the second", |screen| screen.lines().nth(2).is_some_and(|line| line.contains("upstream-01")));
    let newest = |screen: &str| {
        let heading = screen.lines().position(|line| line.starts_with("LAST RECORDS")).unwrap_or(0);
        screen.lines().nth(heading + 1).unwrap_or_default().to_owned()
    };
    terminal.wait("the newest record", |screen| newest(screen).contains("upstream-39"));
    terminal.press(&["Tab", "Tab", "PageDown"]);
    terminal.wait("older records", |screen| newest(screen).contains("upstream-24"));
    terminal.press(&["C-c"]);
    terminal.assert_given_back();
}

#[test]
fn it_follows_the_size_of_the_terminal_and_ends_on_escape() {
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
    terminal.assert_given_back();
}

#[test]
fn a_name_with_terminal_escapes_does_nothing() {
    let names = ["\u{1b}]2;owned\u{7}title", "\u{1b}[2J\u{1b}[Hcleared", "\u{202e}turned"].map(str::to_owned);
    let terminal = Terminal::start("hostile", &names);
    let screen =
        terminal.wait("all three", |screen| screen.contains("3 exchanges") && screen.contains("turned"));
    assert!(screen.contains("\u{fffd}]2;owned\u{fffd}title"), "{screen}");
    assert!(screen.starts_with("nearmiss") && !screen.contains('\u{202e}'), "{screen}");
    assert_ne!(terminal.knows("pane_title"), "owned");
    terminal.press(&["q"]);
    terminal.assert_given_back();
}

#[test]
fn without_a_terminal_it_prints_lines() {
    let folder = std::env::temp_dir().join(format!("nearmiss-tui-{}-plain", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let log = folder.join("exchange.log");
    fs::write(
        &log,
        "{\"ts\":1795420800,\"upstream\":\"cart\",\"status\":200,\"duration_ms\":9,\"attempts\":2}\n",
    )
    .unwrap();
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
    fs::remove_dir_all(&folder).unwrap();
    assert!(line.starts_with(r#"{"schema":1,"type":"exchange""#), "{line}");
}
