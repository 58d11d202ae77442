//! Other versions, and bytes that no keyfold sends.

use super::{Home, PATIENCE, until};
use keyfold::wire::{
    FRAME_LIMIT, GREETING_LENGTH, Greeting, Intention, PROTOCOL, Question, write_frame,
};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// An agent of a version that never was. Tells what each client came for.
fn other_version(home: &Home, greeting: Greeting) -> std::sync::mpsc::Receiver<Intention> {
    let folder = home.path("state/agent");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    let listener = UnixListener::bind(home.socket()).unwrap();
    let (told, came) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = [0; GREETING_LENGTH];
            stream.read_exact(&mut bytes).unwrap();
            stream.write_all(&greeting.write()).unwrap();
            if told
                .send(Greeting::parse(&bytes).unwrap().intention)
                .is_err()
            {
                break;
            }
        }
    });
    came
}

#[test]
fn another_version_is_named_and_can_be_stopped() {
    let own = env!("CARGO_PKG_VERSION");
    for (protocol, version) in [(PROTOCOL + 1, "9.9.9"), (PROTOCOL, "9.9.9"), (0, own)] {
        let home = Home::new();
        home.add("mail", "hunter2", &[]);
        let greeting = Greeting {
            protocol,
            intention: Intention::Talk,
            version: version.to_owned(),
        };
        let came = other_version(&home, greeting);
        home.run(&["unlock"])
            .exits(1)
            .says(version)
            .says(own)
            .says("keyfold agent stop");
        assert_eq!(came.recv_timeout(PATIENCE), Ok(Intention::Talk));
        // It is told, and keeps nobody from typing the password.
        home.ask(&["get", "mail"]).exits(5).says(version);
        home.run(&["get", "mail"]).ok().prints("hunter2");
        assert_eq!(came.recv_timeout(PATIENCE), Ok(Intention::Talk));
        home.ask(&["agent", "stop"]).ok();
        assert_eq!(came.recv_timeout(PATIENCE), Ok(Intention::Stop));
        std::fs::remove_file(home.socket()).unwrap();
    }
}

#[test]
fn another_version_is_greeted_not_talked_to_and_may_stop_it() {
    let home = Home::unlocked();
    for intention in [Intention::Talk, Intention::Stop] {
        let greeting = Greeting {
            protocol: PROTOCOL + 1,
            intention,
            version: "9.9.9".to_owned(),
        };
        let mut other = connected(&home);
        other.write_all(&greeting.write()).unwrap();
        let mut answer = [0; GREETING_LENGTH];
        other.read_exact(&mut answer).unwrap();
        assert_eq!(Greeting::parse(&answer), Ok(Greeting::new(Intention::Talk)));
        assert_hung_up(other, "another version");
    }
    until("it is gone", || !home.socket().exists());
    home.ask(&["get", "mail"]).exits(5);
}

fn connected(home: &Home) -> UnixStream {
    let stream = UnixStream::connect(home.socket()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection on which both sides have said hello.
fn greeted(home: &Home) -> UnixStream {
    let mut stream = connected(home);
    let greeting = Greeting::new(Intention::Talk);
    stream.write_all(&greeting.write()).unwrap();
    let mut answer = [0; GREETING_LENGTH];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(Greeting::parse(&answer), Ok(greeting));
    stream
}

/// Waits until the agent hangs up without another word.
#[track_caller]
fn assert_hung_up(mut stream: UnixStream, what: &str) {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => assert!(rest.is_empty(), "{what}: {} bytes came", rest.len()),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{what}"),
    }
}

/// Kilobytes of memory that a process has.
fn resident(home: &Home) -> u64 {
    let pid = home.pid().as_raw_nonzero();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn what_makes_no_sense_ends_its_own_connection_and_no_other() {
    let home = Home::unlocked();
    let pid = home.pid();
    let before = resident(&home);
    let mut greeted_before = greeted(&home);
    let question = write_frame(&Question::Status).unwrap();
    let long = u32::try_from(FRAME_LIMIT).unwrap();
    let claims_much: Vec<u8> = long.to_le_bytes().into_iter().chain([1; 100]).collect();
    let too_long = [(long + 1).to_le_bytes().as_slice(), &[0; 100]].concat();
    let garbage = [&100_u32.to_le_bytes()[..], &[0xff; 100]].concat();
    let two_in_one = {
        let body = &question[4..];
        let length = u32::try_from(2 * body.len()).unwrap().to_le_bytes();
        [&length[..], body, body].concat()
    };
    let half = &question[..question.len() - 1];

    let mut streams = Vec::new();
    for (what, greets, bytes) in [
        (
            "no greeting",
            false,
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n........".as_slice(),
        ),
        ("half a greeting", false, b"keyfold"),
        ("nothing at all", false, b""),
        ("a frame past the limit", true, &too_long),
        ("a length that nothing follows", true, &claims_much),
        ("garbage", true, &garbage),
        ("two questions in one frame", true, &two_in_one),
        ("half a question", true, half),
        ("an empty frame", true, &[0; 4]),
    ] {
        let mut stream = if greets {
            greeted(&home)
        } else {
            connected(&home)
        };
        // It may hang up while it is still being told.
        let _sent = stream.write_all(bytes);
        streams.push((what, stream));
    }
    // Each of these claims to send 100 MiB.
    let claims: Vec<UnixStream> = (0..30)
        .map(|_| {
            let mut stream = greeted(&home);
            stream.write_all(&claims_much).unwrap();
            stream
        })
        .collect();
    home.ask(&["get", "mail"]).ok().prints("hunter2");
    let now = resident(&home);
    assert!(now < before + (32 << 10), "from {before} to {now} KiB");
    drop(claims);
    for (what, stream) in streams {
        assert_hung_up(stream, what);
    }
    greeted_before.write_all(&question).unwrap();
    greeted_before.read_exact(&mut [0; 4]).unwrap();
    home.ask(&["get", "mail"]).ok().prints("hunter2");
    assert_eq!(home.pid(), pid);
}

#[test]
fn a_flood_of_connections_keeps_nobody_out() {
    let home = Home::unlocked();
    let mut flood = Vec::new();
    for _ in 0..200 {
        let mut stream = connected(&home);
        let _sent = stream.write_all(&Greeting::new(Intention::Talk).write());
        flood.push(stream);
    }
    home.ask(&["get", "mail"]).ok().prints("hunter2");
    // Threads of those that were sent away have ended: there are a few more than clients are served.
    let pid = home.pid().as_raw_nonzero();
    until("only so many are served", || {
        std::fs::read_dir(format!("/proc/{pid}/task"))
            .unwrap()
            .count()
            < 80
    });
    drop(flood);
    home.ask(&["get", "mail"]).ok().prints("hunter2");
}

#[test]
fn who_takes_no_answer_keeps_nobody_waiting() {
    let home = Home::unlocked();
    let question = write_frame(&Question::Status).unwrap();
    let mut streams: Vec<UnixStream> = (0..10).map(|_| greeted(&home)).collect();
    for stream in &mut streams {
        stream.set_nonblocking(true).unwrap();
        // Until its own buffer is full, since nobody reads the answers.
        while stream.write_all(&question).is_ok() {}
    }
    home.ask(&["get", "mail"]).ok().prints("hunter2");
}

#[test]
fn a_slow_vault_keeps_no_other_waiting_and_no_key_of_another_in_memory() {
    let home = Home::unlocked();
    let folders = std::fs::read_dir(home.path("state")).unwrap();
    let mut locks = folders.map(|entry| entry.unwrap().path().join("lock"));
    let lock = locks.find(|path| path.exists()).unwrap();
    let other = home.arg("other.keyfold");
    let mut args = vec!["--vault", &other, "init"];
    args.extend(crate::program::FLOOR);
    home.run(&args).ok();
    home.run(&["--vault", &other, "unlock"]).ok();

    // Somebody writes for a long time: questions to the first vault wait for seconds.
    let lock = File::options().read(true).write(true).open(lock).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| {
            let run = home.ask(&["get", "mail"]);
            (run, Instant::now())
        });
        std::thread::sleep(Duration::from_millis(500));
        home.ask(&["--vault", &other, "ls"]).ok();
        let quick = Instant::now();
        let (run, done) = slow.join().unwrap();
        run.ok().prints("hunter2");
        assert!(quick < done, "the other vault waited");
    });
}
