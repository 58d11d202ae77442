//! Two Syncthing instances that know only each other, on loopback.

use crate::devices::{Carrier, Devices, contents, wait_until};
use crate::real::{FLOOR, Home, needs, told};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const API_KEY: &str = "only-on-loopback";

/// One instance with its own home and its own ports.
struct Instance {
    folder: PathBuf,
    process: Child,
    api: u16,
    listen: u16,
    id: String,
}

impl Drop for Instance {
    fn drop(&mut self) {
        // Asked first, so that its database is closed; then there is no other way.
        drop(self.ask("POST", "/rest/system/shutdown", None));
        for _ in 0..50 {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Instance {
    fn start(home: &Home) -> Self {
        let own = home.path("syncthing");
        std::fs::create_dir_all(&own).unwrap();
        let [api, listen] = free_ports();
        std::fs::write(own.join("config.xml"), config(api, listen)).unwrap();
        let log = std::fs::File::create(own.join("log")).unwrap();
        let process = Command::new("syncthing")
            .args(["serve", "--no-browser", "--no-restart", "--no-upgrade"])
            .arg("--home")
            .arg(&own)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &own)
            .env("STNODEFAULTFOLDER", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut instance = Self {
            folder: home.path("drive"),
            process,
            api,
            listen,
            id: String::new(),
        };
        wait_until("Syncthing starts", || {
            let status = instance.get("/rest/system/status")?;
            instance.id = status["myID"].as_str().unwrap_or_default().to_owned();
            Ok(())
        });
        instance
    }

    /// Shares the folder with another instance.
    fn share_with(&self, other: &Self) {
        let device = json!({
            "deviceID": other.id,
            "addresses": [format!("tcp://127.0.0.1:{}", other.listen)],
        });
        self.set(&format!("/rest/config/devices/{}", other.id), &device);
        // The mark that tells a folder from an unplugged disk.
        std::fs::create_dir_all(self.folder.join(".stfolder")).unwrap();
        let folder = json!({
            "id": "vault",
            "path": self.folder,
            "devices": [{"deviceID": self.id}, {"deviceID": other.id}],
            "rescanIntervalS": 3600,
            "fsWatcherEnabled": true,
            "fsWatcherDelayS": 1,
            // How long it waits when a file changed while it was about to replace it; a minute, unless told.
            "pullerPauseS": 1,
            "minDiskFree": {"value": 0, "unit": "%"},
        });
        self.set("/rest/config/folders/vault", &folder);
    }

    fn set(&self, path: &str, value: &Value) {
        self.ask("PUT", path, Some(value)).unwrap();
    }

    fn post(&self, path: &str) {
        self.ask("POST", path, None).unwrap();
    }

    fn get(&self, path: &str) -> Result<Value, String> {
        let text = self.ask("GET", path, None)?;
        serde_json::from_str(&text).map_err(|error| format!("{path}: {error}: {text}"))
    }

    /// One request of its REST interface; the answer's body.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<String, String> {
        let told = |error: std::io::Error| format!("{method} {path}: {error}");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.api)).map_err(told)?;
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .map_err(told)?;
        let body = body.map(Value::to_string).unwrap_or_default();
        // 1.0, so that the answer comes in one piece and ends with the connection.
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nX-API-Key: {API_KEY}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .map_err(told)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(told)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        if head.split(' ').nth(1) == Some("200") {
            Ok(body.to_owned())
        } else {
            Err(format!("{method} {path}: {answer}"))
        }
    }

    /// Whether it is connected with `other`, has nothing to fetch, and knows that `other` has all it has.
    fn is_done_with(&self, other: &Self) -> Result<(), String> {
        let connections = self.get("/rest/system/connections")?;
        let status = self.get("/rest/db/status?folder=vault")?;
        let completion = format!("/rest/db/completion?folder=vault&device={}", other.id);
        let completion = self.get(&completion)?;
        let is_none = |value: &Value, name: &str| value[name].as_u64() == Some(0);
        let is_done = connections["connections"][&other.id]["connected"] == true
            && status["state"] == "idle"
            && is_none(&status, "needTotalItems")
            && is_none(&completion, "needItems")
            && is_none(&completion, "needDeletes");
        is_done
            .then_some(())
            .ok_or_else(|| format!("{connections} {status} {completion}"))
    }
}

/// Two ports that nobody uses now.
fn free_ports() -> [u16; 2] {
    let bind = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    [(), ()]
        .map(bind)
        .map(|listener| listener.local_addr().unwrap().port())
}

/// A configuration that talks to nobody who is not told.
fn config(api: u16, listen: u16) -> String {
    format!(
        r#"<configuration version="35">
    <gui enabled="true" tls="false" debugging="false">
        <address>127.0.0.1:{api}</address>
        <apikey>{API_KEY}</apikey>
    </gui>
    <options>
        <listenAddress>tcp://127.0.0.1:{listen}</listenAddress>
        <globalAnnounceEnabled>false</globalAnnounceEnabled>
        <localAnnounceEnabled>false</localAnnounceEnabled>
        <relaysEnabled>false</relaysEnabled>
        <natEnabled>false</natEnabled>
        <reconnectionIntervalS>5</reconnectionIntervalS>
        <startBrowser>false</startBrowser>
        <urAccepted>-1</urAccepted>
        <autoUpgradeIntervalH>0</autoUpgradeIntervalH>
        <crashReportingEnabled>false</crashReportingEnabled>
        <stunServer></stunServer>
        <announceLANAddresses>false</announceLANAddresses>
    </options>
</configuration>
"#
    )
}

/// Both instances.
struct Syncthing {
    instances: [Instance; 2],
}

impl Syncthing {
    fn between(devices: &Devices) -> Self {
        needs("syncthing");
        let instances = devices.both().map(Instance::start);
        let [one, other] = &instances;
        one.share_with(other);
        other.share_with(one);
        Self { instances }
    }

    /// Cuts the connection; each instance goes on to watch its own folder.
    fn part(&self) {
        for instance in &self.instances {
            instance.post("/rest/system/pause");
        }
    }

    fn meet(&self) {
        for instance in &self.instances {
            instance.post("/rest/system/resume");
        }
    }
}

impl Carrier for Syncthing {
    fn carry(&mut self) {
        let [one, other] = &self.instances;
        wait_until("both folders are alike and Syncthing is idle", || {
            for instance in [one, other] {
                // Ends when the folder was looked through.
                instance.ask("POST", "/rest/db/scan?folder=vault", None)?;
            }
            one.is_done_with(other)?;
            other.is_done_with(one)?;
            let [here, there] = [one, other].map(|instance| contents(&instance.folder));
            if here == there {
                return Ok(());
            }
            Err(format!("{:?} {:?}", here.keys(), there.keys()))
        });
    }
}

#[test]
#[ignore = "needs syncthing"]
fn syncthing_carries_what_one_device_writes_at_a_time() {
    let devices = Devices::new();
    let mut syncthing = Syncthing::between(&devices);
    syncthing.carry();
    devices.other.ok(&["ls"]);
    devices.other.ok(&["add", "from/other", "-g"]);
    devices.other.ok(&["rm", "second"]);
    syncthing.carry();
    devices.one.ok(&["ls"]);
    devices.one.ok(&["edit", "shared", "-u", "ada"]);
    devices.one.ok(&["rm", "first"]);
    devices.look_until_all_is_equal(&mut syncthing);
    devices.assert_both_list(&["kept", "shared", "from/other"]);
    devices.assert_silence(&mut syncthing);
}

#[test]
#[ignore = "needs syncthing"]
fn what_both_wrote_while_syncthing_was_cut_off_is_merged() {
    let devices = Devices::new();
    let mut syncthing = Syncthing::between(&devices);
    syncthing.carry();
    devices.other.ok(&["ls"]);
    syncthing.carry();
    syncthing.part();
    devices.write_apart();
    syncthing.meet();
    syncthing.carry();
    let copies = devices.copies();
    assert!(
        copies.iter().all(|name| name.contains(".sync-conflict-")) && copies.len() >= 2,
        "{copies:?}"
    );
    devices.look_until_all_is_equal(&mut syncthing);
    devices.assert_both_have_what_was_written_apart();
    devices.assert_silence(&mut syncthing);
}

#[test]
#[ignore = "needs syncthing"]
fn one_compacts_while_the_other_is_cut_off_and_writes() {
    let devices = Devices::new();
    let mut syncthing = Syncthing::between(&devices);
    syncthing.carry();
    devices.other.ok(&["ls"]);
    syncthing.carry();
    syncthing.part();
    devices.write_apart();
    devices.one.ok(&["compact"]);
    syncthing.meet();
    devices.look_until_all_is_equal(&mut syncthing);
    devices.assert_both_have_what_was_written_apart();
    devices.assert_silence(&mut syncthing);
}

/// One device gives the vault another password in this way while the other, cut off, writes under the old one. The other
/// learns of it by this exit code and these words.
fn change_the_password_apart(how: &[&str], code: i32, words: &str) {
    let mut devices = Devices::new();
    let mut syncthing = Syncthing::between(&devices);
    syncthing.carry();
    devices.other.ok(&["ls"]);
    syncthing.carry();
    syncthing.part();
    devices.write_apart();
    let new = devices.one.path("new");
    let to_new = ["--new-password-file", new.to_str().unwrap()];
    devices.one.ok(&[how, &to_new, &FLOOR].concat());
    syncthing.meet();
    syncthing.carry();
    let listed = devices.other.keyfold(&["ls"]).output().unwrap();
    assert_eq!(listed.status.code(), Some(code), "{}", told(&listed));
    assert!(told(&listed).contains(words), "{}", told(&listed));
    devices.password = "new";
    devices.look_until_all_is_equal(&mut syncthing);
    devices.assert_both_have_what_was_written_apart();
    devices.assert_silence(&mut syncthing);
    // Nothing that the drive has now opens the old way.
    for home in devices.both() {
        let fresh = home.export_of_fresh_device("old");
        assert_eq!(fresh.status.code(), Some(5), "{}", told(&fresh));
    }
}

#[test]
#[ignore = "needs syncthing"]
fn a_password_changed_while_the_other_is_cut_off_and_writes_counts_on_both() {
    change_the_password_apart(&["passwd"], 5, "that way in was closed");
}

#[test]
#[ignore = "needs syncthing"]
fn a_key_changed_while_the_other_is_cut_off_and_writes_counts_on_both() {
    // The key that this device holds still opens its own copy.
    change_the_password_apart(&["rekey", "--yes"], 0, "open it once with the new password");
}

/// Adds one item after another, while Syncthing sends what was there a moment ago.
fn add_in_a_loop(home: &Home, prefix: &str, count: u32) {
    for number in 0..count {
        home.ok(&["add", &format!("{prefix}{number:02}"), "-g"]);
    }
}

#[test]
#[ignore = "needs syncthing"]
fn forty_adds_in_a_loop_while_syncthing_sends_are_all_there() {
    let devices = Devices::new();
    let mut syncthing = Syncthing::between(&devices);
    syncthing.carry();
    devices.other.ok(&["ls"]);
    add_in_a_loop(&devices.one, "one-", 40);
    devices.look_until_all_is_equal(&mut syncthing);
    let mut paths: Vec<String> = ["first", "kept", "second", "shared"]
        .map(str::to_owned)
        .into();
    paths.extend((0..40).map(|number| format!("one-{number:02}")));
    paths.sort();
    devices.assert_both_list(&paths.iter().map(String::as_str).collect::<Vec<_>>());
    devices.assert_silence(&mut syncthing);
}

#[test]
#[ignore = "needs syncthing"]
fn adds_in_a_loop_on_both_sides_of_syncthing_are_all_there() {
    let devices = Devices::new();
    let mut syncthing = Syncthing::between(&devices);
    syncthing.carry();
    devices.other.ok(&["ls"]);
    std::thread::scope(|scope| {
        for (home, prefix) in [(&devices.one, "one-"), (&devices.other, "other-")] {
            scope.spawn(move || add_in_a_loop(home, prefix, 40));
        }
    });
    devices.look_until_all_is_equal(&mut syncthing);
    let mut paths: Vec<String> = ["first", "kept", "second", "shared"]
        .map(str::to_owned)
        .into();
    for prefix in ["one-", "other-"] {
        paths.extend((0..40).map(|number| format!("{prefix}{number:02}")));
    }
    paths.sort();
    devices.assert_both_list(&paths.iter().map(String::as_str).collect::<Vec<_>>());
    devices.assert_silence(&mut syncthing);
}
