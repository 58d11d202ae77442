//! What the real file system must do. Tests that need another user or a mount are ignored by default.

use super::*;
use crate::storage::{append, is_temporary_name, read_whole, replace_file};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own for one test, removed afterwards.
pub(in crate::storage) struct Folder(PathBuf);

impl Folder {
    pub(in crate::storage) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("keyfold-storage-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub(in crate::storage) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & PERMISSION_BITS
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn replace(path: &Path, content: &[u8]) -> Result<Stamp, StorageError> {
    let mut rng = StdRng::seed_from_u64(1);
    let mut parts = content.chunks(1000).map(Ok);
    replace_file(&RealStorage, path, &mut parts, &mut rng)
}

#[test]
fn a_file_reads_back_what_was_written_at_offsets() {
    let folder = Folder::new();
    let path = folder.path("file");
    let file = RealStorage.create(&path).unwrap();
    file.write_at(4, b"tail").unwrap();
    append(file.as_ref(), 0, b"head").unwrap();
    let again = RealStorage.open_read(&path).unwrap().unwrap();
    assert_eq!(read_whole(again.as_ref(), 8).unwrap(), b"headtail");
    let mut buffer = [0; 6];
    assert_eq!(again.read_at(5, &mut buffer).unwrap(), 3);
    assert_eq!(again.read_at(u64::MAX, &mut buffer).unwrap(), 0);
    assert_eq!(again.stamp().unwrap(), file.stamp().unwrap());
    file.truncate(2).unwrap();
    assert_eq!(read_whole(again.as_ref(), 8).unwrap(), b"he");
}

#[test]
fn a_file_above_the_limit_is_not_read() {
    let folder = Folder::new();
    let path = folder.path("sparse");
    let file = RealStorage.create(&path).unwrap();
    file.truncate(1 << 40).unwrap();
    let refused = read_whole(file.as_ref(), 1 << 20);
    assert!(matches!(refused, Err(StorageError::TooLarge { .. })));
}

#[test]
fn writing_past_the_longest_possible_file_is_refused() {
    let folder = Folder::new();
    let file = RealStorage.create(&folder.path("file")).unwrap();
    for offset in [u64::MAX, 1 << 63, (1 << 63) - 1] {
        let refused = file.write_at(offset, b"x");
        assert!(matches!(refused, Err(StorageError::Full(_))), "{offset}");
    }
    assert_eq!(file.stamp().unwrap().length, 0);
}

#[test]
fn nothing_there_is_not_an_error_until_it_is_needed() {
    let folder = Folder::new();
    let path = folder.path("missing");
    assert!(RealStorage.open_read(&path).unwrap().is_none());
    assert!(RealStorage.open_write(&path).unwrap().is_none());
    assert!(RealStorage.stamp(&path).unwrap().is_none());
    let missing = |outcome| matches!(outcome, Err(StorageError::NotFound(_)));
    assert!(missing(RealStorage.remove(&path)));
    assert!(missing(RealStorage.rename(&path, &folder.path("other"))));
    assert!(missing(RealStorage.create(&path.join("in")).map(drop)));
    assert!(missing(RealStorage.list(&path, 10).map(drop)));
    assert!(missing(RealStorage.sync_folder(&path)));
}

#[test]
fn creation_never_takes_over_what_exists() {
    let folder = Folder::new();
    let target = folder.path("target");
    let dangling = folder.path("dangling");
    symlink(&target, &dangling).unwrap();
    let exists = |path: &Path| matches!(RealStorage.create(path), Err(StorageError::Exists(_)));
    assert!(exists(&dangling));
    assert!(!target.exists());
    RealStorage.create(&target).unwrap();
    assert!(exists(&target));
}

#[test]
fn only_regular_files_are_opened_replaced_or_removed() {
    let folder = Folder::new();
    let real = folder.path("real");
    fs::write(&real, b"kept").unwrap();
    let link = folder.path("link");
    symlink(&real, &link).unwrap();
    let fifo = folder.path("fifo");
    make_fifo(&fifo);
    let subfolder = folder.path("folder");
    fs::create_dir(&subfolder).unwrap();
    let cases = [
        (link, FileKind::Symlink),
        (fifo, FileKind::Fifo),
        (subfolder, FileKind::Folder),
        (PathBuf::from("/dev/null"), FileKind::Other),
    ];
    for (path, expected) in cases {
        let refused =
            |error| matches!(error, StorageError::NotRegular { kind, .. } if kind == expected);
        assert!(refused(RealStorage.open_read(&path).unwrap_err()));
        assert!(refused(RealStorage.open_write(&path).unwrap_err()));
        assert!(refused(RealStorage.remove(&path).unwrap_err()));
        assert!(refused(
            RealStorage.rename(&path, &folder.path("new")).unwrap_err()
        ));
        assert!(refused(RealStorage.rename(&real, &path).unwrap_err()));
        assert!(refused(replace(&path, b"new").unwrap_err()));
        assert_eq!(RealStorage.stamp(&path).unwrap().unwrap().kind, expected);
    }
    assert_eq!(fs::read(&real).unwrap(), b"kept");
}

#[test]
fn a_name_swapped_after_the_first_look_is_refused_without_waiting() {
    let folder = Folder::new();
    let fifo = folder.path("fifo");
    make_fifo(&fifo);
    let link = folder.path("link");
    symlink("/etc/passwd", &link).unwrap();
    for path in [&fifo, &link, &folder.0] {
        let refused = open_unfollowed(path, OpenOptions::new().read(true));
        assert!(matches!(refused, Err(StorageError::NotRegular { .. })));
        let refused = open_unfollowed(path, OpenOptions::new().read(true).write(true));
        assert!(matches!(refused, Err(StorageError::NotRegular { .. })));
    }
}

#[test]
fn a_vault_that_is_a_link_is_named_so() {
    let folder = Folder::new();
    let link = folder.path("link");
    symlink("elsewhere", &link).unwrap();
    let message = RealStorage.open_read(&link).unwrap_err().to_string();
    assert!(message.contains("is a symbolic link"), "{message}");
}

#[test]
fn links_in_the_folders_above_are_followed() {
    let folder = Folder::new();
    let link = folder.path("drive");
    fs::create_dir(folder.path("real")).unwrap();
    symlink("real", &link).unwrap();
    replace(&link.join("vault"), b"content").unwrap();
    assert_eq!(fs::read(folder.path("real/vault")).unwrap(), b"content");
    RealStorage.make_folder(&link).unwrap();
    assert_eq!(RealStorage.list(&link, 10).unwrap().entries.len(), 1);
}

#[test]
fn a_replacement_has_a_new_inode_and_leaves_nothing_beside_it() {
    let folder = Folder::new();
    let path = folder.path("vault");
    let first = replace(&path, b"old").unwrap();
    let second = replace(&path, &[7; 5000]).unwrap();
    assert_ne!(first.inode, second.inode);
    assert_eq!(RealStorage.stamp(&path).unwrap(), Some(second));
    assert_eq!(fs::read(&path).unwrap(), [7; 5000]);
    let listing = RealStorage.list(&folder.0, 10).unwrap();
    assert_eq!(listing.entries.len(), 1);
    assert!(listing.complete);
}

#[test]
fn a_caller_that_gives_up_leaves_the_old_file_alone() {
    let folder = Folder::new();
    let path = folder.path("vault");
    replace(&path, b"old").unwrap();
    let gives_up = StorageError::Busy { path: path.clone() };
    let mut parts = [Ok(b"new".as_slice()), Err(gives_up)].into_iter();
    let mut rng = StdRng::seed_from_u64(2);
    let outcome = replace_file(&RealStorage, &path, &mut parts, &mut rng);
    assert!(matches!(outcome, Err(StorageError::Busy { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(RealStorage.list(&folder.0, 10).unwrap().entries.len(), 1);
}

#[test]
fn a_listing_is_sorted_bounded_and_names_what_things_are() {
    let folder = Folder::new();
    for name in ["c", "a", "b"] {
        fs::write(folder.path(name), name).unwrap();
    }
    symlink("nowhere", folder.path("d")).unwrap();
    let listing = RealStorage.list(&folder.0, 4).unwrap();
    let names: Vec<_> = listing.entries.iter().map(|entry| &entry.name).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    assert!(listing.complete);
    let kinds = listing.entries.iter().map(|entry| entry.stamp.is_regular());
    assert!(kinds.eq([true, true, true, false]));
    let bounded = RealStorage.list(&folder.0, 3).unwrap();
    assert_eq!(bounded.entries.len(), 3);
    assert!(!bounded.complete);
}

#[test]
fn folders_are_private_and_made_with_their_parents() {
    let folder = Folder::new();
    let inner = folder.path("one/two");
    RealStorage.make_folder(&inner).unwrap();
    assert_eq!(mode(&inner), 0o700);
    assert_eq!(mode(&folder.path("one")), 0o700);
    fs::set_permissions(&inner, Permissions::from_mode(0o755)).unwrap();
    RealStorage.make_folder(&inner).unwrap();
    assert_eq!(mode(&inner), 0o755);
}

#[test]
fn a_folder_whose_name_is_taken_is_refused() {
    let folder = Folder::new();
    fs::write(folder.path("file"), b"").unwrap();
    symlink("nowhere", folder.path("dangling")).unwrap();
    for name in ["file", "dangling"] {
        let refused = RealStorage.make_folder(&folder.path(name));
        assert!(matches!(refused, Err(StorageError::Exists(_))), "{name}");
    }
}

#[test]
fn files_and_folders_are_private_under_any_umask() {
    for umask in ["000", "022", "777"] {
        let folder = Folder::new();
        run_child("make_things", umask, &folder);
        assert_eq!(mode(&folder.path("created")), 0o600, "umask {umask}");
        assert_eq!(mode(&folder.path("replaced")), 0o600, "umask {umask}");
        assert_eq!(mode(&folder.path("lock")), 0o600, "umask {umask}");
        assert_eq!(mode(&folder.path("one")), 0o700, "umask {umask}");
        assert_eq!(mode(&folder.path("one/two")), 0o700, "umask {umask}");
    }
}

/// The umask belongs to the whole process, so the test above runs this one in a process of its own.
#[test]
#[ignore = "run by files_and_folders_are_private_under_any_umask"]
fn make_things() {
    let Some(folder) = folder_of_parent() else {
        return;
    };
    RealStorage.create(&folder.join("created")).unwrap();
    replace(&folder.join("replaced"), b"content").unwrap();
    RealStorage
        .lock(&folder.join("lock"), LockKind::Exclusive, Duration::ZERO)
        .unwrap();
    RealStorage.make_folder(&folder.join("one/two")).unwrap();
}

/// `None` where the test was started by itself.
fn folder_of_parent() -> Option<PathBuf> {
    std::env::var_os("KEYFOLD_TEST_FOLDER").map(PathBuf::from)
}

fn run_child(test: &str, umask: &str, folder: &Folder) {
    let child = Command::new("sh")
        .args([
            "-c",
            r#"umask "$1" && exec "$2" --exact --ignored "$3""#,
            "sh",
        ])
        .arg(umask)
        .arg(std::env::current_exe().unwrap())
        .arg(format!("storage::real::tests::{test}"))
        .env("KEYFOLD_TEST_FOLDER", &folder.0)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && told.contains("1 passed"),
        "{told}"
    );
}

#[test]
#[ignore = "needs root and setpriv"]
fn what_another_user_keeps_private_is_denied_and_ours_is_kept_from_them() {
    let folder = Folder::new();
    fs::set_permissions(&folder.0, Permissions::from_mode(0o755)).unwrap();
    let private = folder.path("private");
    replace(&private, b"secret").unwrap();
    let open = folder.path("open");
    fs::write(&open, b"for all").unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o644)).unwrap();
    // A copy of the test program that the other user can reach.
    let program = folder.path("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let child = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args([
            "--exact",
            "--ignored",
            "storage::real::tests::as_another_user",
        ])
        .env("KEYFOLD_TEST_FOLDER", &folder.0)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && told.contains("1 passed"),
        "{told}"
    );
}

#[test]
#[ignore = "run by what_another_user_keeps_private_is_denied_and_ours_is_kept_from_them"]
fn as_another_user() {
    let Some(folder) = folder_of_parent() else {
        return;
    };
    let denied = |outcome| matches!(outcome, Err(StorageError::Denied(_)));
    // Without a private mode the attack succeeds: this user does read what is open to all.
    let open = RealStorage
        .open_read(&folder.join("open"))
        .unwrap()
        .unwrap();
    assert_eq!(read_whole(open.as_ref(), 100).unwrap(), b"for all");
    let private = folder.join("private");
    assert!(denied(RealStorage.open_read(&private).map(drop)));
    assert!(denied(RealStorage.open_write(&private).map(drop)));
    assert!(denied(
        RealStorage.open_write(&folder.join("open")).map(drop)
    ));
    assert!(denied(RealStorage.create(&folder.join("new")).map(drop)));
    assert!(denied(RealStorage.remove(&private)));
    assert!(denied(RealStorage.make_folder(&folder.join("sub"))));
    assert!(denied(replace(&private, b"forged").map(drop)));
}

#[test]
#[ignore = "needs mount"]
fn a_full_disk_is_named_and_what_was_there_stays() {
    let folder = Folder::new();
    let mount = Mounted::tmpfs(&folder.0, "1m");
    let path = folder.path("vault");
    let old = vec![1; 600 << 10];
    replace(&path, &old).unwrap();
    let refused = replace(&path, &vec![2; 700 << 10]).unwrap_err();
    assert!(matches!(refused, StorageError::Full(_)), "{refused}");
    assert!(
        refused.to_string().ends_with("the disk is full"),
        "{refused}"
    );
    assert_eq!(fs::read(&path).unwrap(), old);
    let listing = RealStorage.list(&folder.0, 10).unwrap();
    assert!(
        !listing
            .entries
            .iter()
            .any(|entry| is_temporary_name(&entry.name))
    );

    let file = RealStorage.open_write(&path).unwrap().unwrap();
    let refused = append(file.as_ref(), 600 << 10, &vec![3; 700 << 10]).unwrap_err();
    assert!(matches!(refused, StorageError::Full(_)), "{refused}");
    assert_eq!(&fs::read(&path).unwrap()[..600 << 10], old);
    drop((file, mount));
}

/// A file system that goes away again, also when the test fails.
struct Mounted(PathBuf);

impl Mounted {
    fn tmpfs(folder: &Path, size: &str) -> Self {
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder)
            .status()
            .unwrap();
        assert!(mount.success());
        Self(folder.to_path_buf())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Whether the system has the start of a file in memory, asked without bringing it there.
#[cfg(target_os = "linux")]
fn is_in_memory(path: &Path) -> bool {
    use rustix::io::{ReadWriteFlags, preadv2};
    let file = File::open(path).unwrap();
    let mut buffer = [0; 16];
    let mut parts = [std::io::IoSliceMut::new(&mut buffer)];
    match preadv2(&file, &mut parts, 0, ReadWriteFlags::NOWAIT) {
        Ok(_) => true,
        Err(Errno::AGAIN) => false,
        Err(error) => panic!("{error}"),
    }
}

#[test]
#[cfg(target_os = "linux")]
#[ignore = "needs a temporary folder on a disk"]
fn what_was_let_go_of_is_read_from_the_disk_again() {
    let folder = Folder::new();
    let path = folder.path("file");
    let file = RealStorage.create(&path).unwrap();
    append(file.as_ref(), 0, &[7; 1 << 20]).unwrap();
    assert!(is_in_memory(&path));
    file.evict();
    assert!(!is_in_memory(&path));
    let again = RealStorage.open_read(&path).unwrap().unwrap();
    assert_eq!(read_whole(again.as_ref(), 1 << 20).unwrap(), [7; 1 << 20]);
}
