//! Under an X server without a screen.

use crate::held::{self, SECRET, Screen};
use crate::waiting::until;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, ConnectionExt, CreateWindowAux, EventMask, SELECTION_NOTIFY_EVENT, SelectionNotifyEvent,
    Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::{COPY_FROM_PARENT, CURRENT_TIME};

pub(crate) struct Xvfb {
    server: Child,
    display: String,
}

impl Xvfb {
    pub(crate) fn start() -> Self {
        let mut server = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-nolisten",
                "tcp",
                "-screen",
                "0",
                "64x64x24",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It says the number once clients may come.
        let mut number = String::new();
        let mut out = BufReader::new(server.stdout.take().unwrap());
        out.read_line(&mut number).unwrap();
        let display = format!(":{}", number.trim());
        Self { server, display }
    }

    fn xclip(&self, args: &[&str]) -> Command {
        let mut command = Command::new("xclip");
        command.args(args);
        self.send(&mut command);
        command
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Screen for Xvfb {
    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![("DISPLAY", self.display.clone())]
    }

    fn reader(&self, kind: Option<&str>) -> Command {
        let target = kind.unwrap_or("UTF8_STRING");
        self.xclip(&["-o", "-selection", "clipboard", "-t", target])
    }

    fn writer(&self) -> Command {
        self.xclip(&["-selection", "clipboard"])
    }
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn a_copied_secret_arrives_marked_and_is_cleared_after_its_time() {
    held::arrives_marked_and_is_cleared_after_its_time(&Xvfb::start());
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn somebody_elses_copy_ends_the_holder_and_stays() {
    held::somebody_elses_copy_ends_the_holder_and_stays(&Xvfb::start());
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn a_second_copy_replaces_the_first() {
    held::a_second_copy_replaces_the_first(&Xvfb::start());
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn one_copy_after_another_is_there_as_soon_as_it_is_told() {
    held::one_copy_after_another_is_there_as_soon_as_it_is_told(&Xvfb::start());
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn the_owner_says_since_when_it_is_one() {
    let screen = Xvfb::start();
    let home = held::home();
    let since = || {
        let read = screen.xclip(&["-o", "-selection", "clipboard", "-t", "TIMESTAMP"]);
        let output = { read }.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim().parse::<u32>().ok()
    };
    screen
        .run(&home, &["copy", "mail", "--timeout", "never"])
        .ok();
    let first = since().expect("a time of the server");
    assert_ne!(first, CURRENT_TIME);
    std::thread::sleep(std::time::Duration::from_millis(5));
    screen
        .run(&home, &["copy", "mail", "--timeout", "never"])
        .ok();
    assert!(since().unwrap() > first);
    screen.copy_elsewhere("the end");
    screen.waits_for_no_holder();
}

#[test]
#[ignore = "needs ten seconds, and the folder of X servers"]
fn a_display_that_says_nothing_keeps_nobody_for_ever() {
    let folder = std::path::Path::new("/tmp/.X11-unix");
    std::fs::create_dir_all(folder).unwrap();
    let number = 40_000 + std::process::id() % 10_000;
    let path = folder.join(format!("X{number}"));
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let home = held::home();
    let mut command = home.command();
    command.env("DISPLAY", format!(":{number}")).args([
        "--password-file",
        &home.arg("password"),
        "copy",
        "mail",
    ]);
    let ran = crate::program::finish(command, "");
    drop(listener);
    std::fs::remove_file(&path).unwrap();
    ran.exits(1)
        .says("the display does not answer")
        .says("--osc52");
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn what_a_script_has_open_is_not_kept_open() {
    let screen = Xvfb::start();
    let home = held::home();
    let mut script = Command::new("sh");
    script.args([
        "-c",
        "exec 9> lock; \"$0\" --password-file password copy mail --timeout never; readlink /proc/$$/fd/9",
        env!("CARGO_BIN_EXE_keyfold"),
    ]);
    home.enter(&mut script);
    screen.send(&mut script);
    let ran = crate::program::finish(script, "").ok();
    assert!(ran.out.contains("/lock"), "{}", ran.out);
    let [holder] = screen.holders()[..] else {
        panic!("no holder, or several");
    };
    let open = std::fs::read_dir(format!("/proc/{holder}/fd")).unwrap();
    let open = open.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    assert_eq!(open.filter(|path| path.ends_with("lock")).count(), 0);
    screen.copy_elsewhere("the end");
    screen.waits_for_no_holder();
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn the_secret_stands_in_no_argument_and_no_environment() {
    held::the_secret_stands_in_no_argument_and_no_environment(&Xvfb::start());
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn the_primary_selection_is_not_touched() {
    let screen = Xvfb::start();
    let home = held::home();
    let mut selecting = screen.xclip(&["-selection", "primary"]);
    selecting.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = selecting.stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"selected").unwrap();
    child.wait().unwrap();
    let primary = || {
        let read = screen.xclip(&["-o", "-selection", "primary"]).output();
        String::from_utf8(read.unwrap().stdout).unwrap()
    };
    until("a primary selection", || primary() == "selected");
    screen.run(&home, &["copy", "mail", "--timeout", "1s"]).ok();
    assert_eq!(primary(), "selected");
    screen.waits_for_no_holder();
    assert_eq!(primary(), "selected");
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn code_and_generated_password_are_copied_instead_of_printed() {
    let screen = Xvfb::start();
    let home = held::home();
    let seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    home.run_with(&["otp", "add", "mail", "--otp-stdin"], seed)
        .ok();
    screen.run(&home, &["otp", "mail", "-c"]).ok().prints("");
    let code = screen.content(None).unwrap();
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()));
    let ran = screen.run(&home, &["gen", "24", "--copy", "--json"]).ok();
    assert_eq!(ran.json()["field"], "password");
    let password = screen.content(None).unwrap();
    assert_eq!(password.chars().count(), 24);
    assert!(!ran.out.contains(&password) && !ran.err.contains(&password));
    screen.copy_elsewhere("the end");
    screen.waits_for_no_holder();
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn a_display_that_is_gone_is_told() {
    let screen = Xvfb::start();
    let home = held::home();
    let display = screen.variables();
    drop(screen);
    let mut command = home.command();
    command
        .envs(display)
        .args(["--password-file", &home.arg("password"), "copy", "mail"]);
    let ran = crate::program::finish(command, "").exits(1);
    ran.says("the display's clipboard cannot be had")
        .says("--osc52");
}

/// A client of its own, which may stand in for a clipboard manager or for a program that asks one.
struct Client {
    connection: RustConnection,
    window: Window,
    manager: Atom,
    save: Atom,
}

impl Client {
    fn connect(screen: &Xvfb) -> Self {
        let (connection, number) = RustConnection::connect(Some(&screen.display)).unwrap();
        let root = connection.setup().roots[number].root;
        let window = connection.generate_id().unwrap();
        let aux = CreateWindowAux::new();
        connection
            .create_window(
                0,
                window,
                root,
                0,
                0,
                1,
                1,
                0,
                WindowClass::INPUT_ONLY,
                COPY_FROM_PARENT,
                &aux,
            )
            .unwrap();
        let atom = |name: &[u8]| {
            let cookie = connection.intern_atom(false, name).unwrap();
            cookie.reply().unwrap().atom
        };
        let (manager, save) = (atom(b"CLIPBOARD_MANAGER"), atom(b"SAVE_TARGETS"));
        Self {
            connection,
            window,
            manager,
            save,
        }
    }

    /// Notes whether anybody ever asks for content to be saved.
    fn manage(self) -> Arc<AtomicBool> {
        let window = self.window;
        self.connection
            .set_selection_owner(window, self.manager, CURRENT_TIME)
            .unwrap();
        let owner = self.connection.get_selection_owner(self.manager).unwrap();
        assert_eq!(owner.reply().unwrap().owner, window);
        let asked = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            while let Ok(event) = self.connection.wait_for_event() {
                let Event::SelectionRequest(request) = event else {
                    continue;
                };
                noted.store(request.target == self.save, Ordering::SeqCst);
                let answer = SelectionNotifyEvent {
                    response_type: SELECTION_NOTIFY_EVENT,
                    sequence: 0,
                    time: request.time,
                    requestor: request.requestor,
                    selection: request.selection,
                    target: request.target,
                    property: request.property,
                };
                let none = EventMask::NO_EVENT;
                let _ = self
                    .connection
                    .send_event(false, request.requestor, none, answer);
                let _ = self.connection.flush();
            }
        });
        asked
    }
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn a_clipboard_manager_is_never_handed_the_content() {
    let screen = Xvfb::start();
    let asked = Client::connect(&screen).manage();
    // What libraries do when their clipboard is dropped, and the manager sees.
    let other = Client::connect(&screen);
    other
        .connection
        .convert_selection(
            other.window,
            other.manager,
            other.save,
            other.save,
            CURRENT_TIME,
        )
        .unwrap();
    other.connection.flush().unwrap();
    until("a request that the manager sees", || {
        asked.swap(false, Ordering::SeqCst)
    });

    let home = held::home();
    screen.run(&home, &["copy", "mail", "--timeout", "1s"]).ok();
    screen.waits_for_no_holder();
    screen
        .run(&home, &["copy", "mail", "--timeout", "never"])
        .ok();
    assert_eq!(screen.content(None).as_deref(), Some(SECRET));
    screen.copy_elsewhere("the end");
    screen.waits_for_no_holder();
    assert!(!asked.load(Ordering::SeqCst));
}

#[test]
#[ignore = "needs Xvfb, xclip and strace"]
fn a_copy_reaches_the_display_and_nothing_else() {
    let screen = Xvfb::start();
    let home = held::home();
    let mut command = Command::new("strace");
    command
        .args(["-f", "-y", "-s", "100000", "-o", "trace"])
        .args([
            "-e",
            "trace=execve,socket,connect,open,openat,write,writev,pwrite64,sendto,sendmsg",
        ])
        .arg(env!("CARGO_BIN_EXE_keyfold"))
        .args([
            "--password-file",
            "password",
            "copy",
            "mail",
            "--timeout",
            "never",
        ]);
    home.enter(&mut command);
    screen.send(&mut command);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut traced = command.spawn().unwrap();
    until("a copy", || screen.content(None).as_deref() == Some(SECRET));
    screen.copy_elsewhere("the end");
    assert!(traced.wait().unwrap().success());

    let calls = std::fs::read_to_string(home.path("trace")).unwrap();
    let shown: Vec<&str> = calls.lines().filter(|line| line.contains(SECRET)).collect();
    let goes = |line: &&&str, to: &str| line.contains(to);
    let by_pipe = shown.iter().filter(|line| goes(line, "<pipe:")).count();
    let to_display = shown.iter().filter(|line| goes(line, "<socket:")).count();
    assert!(by_pipe == 1 && to_display >= 1, "{shown:?}");
    assert_eq!(by_pipe + to_display, shown.len(), "{shown:?}");
    let sockets = calls.lines().filter(|line| line.contains(" socket("));
    let foreign: Vec<&str> = sockets
        .filter(|line| !line.contains("socket(AF_UNIX"))
        .collect();
    assert_eq!(foreign, [""; 0]);
}
