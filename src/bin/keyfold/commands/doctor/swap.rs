//! Memory that the system writes to disk: swap, and all of it when the machine hibernates.

use super::{Finding, FindingKind, Severity};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Devices upon devices that are followed.
const DEPTH: usize = 8;

/// `root` is where the system's own files begin.
pub(super) fn check(root: &Path) -> Vec<Finding> {
    let areas = fs::read_to_string(root.join("proc/swaps")).unwrap_or_default();
    let areas = areas.lines().skip(1);
    let names: Vec<String> = areas
        .filter_map(|line| line.split_whitespace().next())
        // The kernel writes blanks so.
        .map(|name| name.replace("\\040", " "))
        .collect();
    let open: Vec<&String> = names.iter().filter(|name| !is_safe(root, name)).collect();
    let mut found = Vec::new();
    for name in &open {
        found.push(Finding::new(
            FindingKind::Swap,
            Severity::Advice,
            format!("what is in memory may be written to a disk in clear: the swap {name} is not encrypted"),
            "encrypt it (a random key at every start is enough), use zram, or switch it off with swapoff",
        ));
    }
    if !open.is_empty() && may_hibernate(root) {
        found.push(Finding::new(
            FindingKind::Swap,
            Severity::Advice,
            "when this machine hibernates, all of its memory is written to that swap, locked memory too",
            "keyfold lock before it hibernates, or encrypt the swap",
        ));
    }
    found
}

/// In memory itself, or on an encrypted device.
fn is_safe(root: &Path, name: &str) -> bool {
    let path = root.join(name.trim_start_matches('/'));
    let Some(metadata) = fs::metadata(&path).ok() else {
        return false;
    };
    // A file lies on the device of its file system.
    let device = if metadata.is_file() {
        metadata.dev()
    } else {
        metadata.rdev()
    };
    let folder = block_device(root, device);
    let block_name = path.file_name().unwrap_or_default().to_string_lossy();
    block_name.starts_with("zram") || is_encrypted(&folder, DEPTH)
}

/// Where the kernel tells of a device.
#[cfg(target_os = "linux")]
fn block_device(root: &Path, device: u64) -> PathBuf {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    root.join(format!("sys/dev/block/{major}:{minor}"))
}

/// No other system tells.
#[cfg(not(target_os = "linux"))]
fn block_device(root: &Path, _device: u64) -> PathBuf {
    root.to_owned()
}

/// A device of dm-crypt, or one that lies on nothing else.
fn is_encrypted(device: &Path, depth: usize) -> bool {
    let id = fs::read_to_string(device.join("dm/uuid")).unwrap_or_default();
    if id.starts_with("CRYPT-") {
        return true;
    }
    let Ok(below) = fs::read_dir(device.join("slaves")) else {
        return false;
    };
    let below: Vec<PathBuf> = below.flatten().map(|entry| entry.path()).collect();
    depth > 0 && !below.is_empty() && below.iter().all(|next| is_encrypted(next, depth - 1))
}

/// Whether a place to hibernate to was set up.
fn may_hibernate(root: &Path) -> bool {
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap_or_default();
    let resume = read("sys/power/resume");
    let states = read("sys/power/state");
    states.split_whitespace().any(|state| state == "disk") && !["", "0:0"].contains(&resume.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A made-up system, gone afterwards.
    struct System(PathBuf);

    impl System {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("keyfold-{name}-{}", std::process::id()));
            fs::create_dir(&root).unwrap();
            Self(root)
        }

        fn write(&self, name: &str, text: &str) -> &Self {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            self
        }

        fn swaps(&self, names: &[&str]) -> &Self {
            let head = "Filename\tType\tSize\tUsed\tPriority\n".to_owned();
            let lines = names.iter().map(|name| format!("{name} file 1 0 -2\n"));
            self.write("proc/swaps", &(head + &lines.collect::<String>()))
        }

        /// A swap file, and the folder of the device that it lies on.
        fn swap_file(&self) -> String {
            self.write("swapfile", "");
            let device = fs::metadata(self.0.join("swapfile")).unwrap().dev();
            let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
            format!("sys/dev/block/{major}:{minor}")
        }
    }

    impl Drop for System {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn without_swap_there_is_nothing_to_tell() {
        let system = System::new("no-swap");
        assert_eq!(check(&system.0), []);
        system
            .swaps(&[])
            .write("sys/power/state", "freeze mem disk\n");
        system.write("sys/power/resume", "8:2\n");
        assert_eq!(check(&system.0), []);
    }

    #[test]
    fn swap_in_memory_is_fine() {
        let system = System::new("zram");
        system.swaps(&["/dev/zram0"]).write("dev/zram0", "");
        assert_eq!(check(&system.0), []);
    }

    #[test]
    fn swap_on_a_plain_disk_is_told_and_so_is_hibernation_to_it() {
        let system = System::new("plain-swap");
        let device = system.swap_file();
        system.swaps(&["/swapfile"]);
        system.write(&format!("{device}/dm/uuid"), "LVM-abc");
        assert_eq!(check(&system.0).len(), 1);
        system.write("sys/power/state", "freeze mem disk\n");
        system.write("sys/power/resume", "0:0\n");
        assert_eq!(check(&system.0).len(), 1);
        system.write("sys/power/resume", "8:2\n");
        assert_eq!(check(&system.0).len(), 2);
    }

    #[test]
    fn swap_on_an_encrypted_device_is_fine_also_through_others() {
        let system = System::new("crypt-swap");
        let device = system.swap_file();
        system.swaps(&["/swapfile"]);
        let slave = format!("{device}/slaves/dm-0");
        system.write(&format!("{slave}/dm/uuid"), "CRYPT-LUKS2-abc\n");
        assert_eq!(check(&system.0), []);
        // A volume over two devices, of which one is plain.
        fs::create_dir_all(system.0.join("sys/block/sda")).unwrap();
        symlink(
            system.0.join("sys/block/sda"),
            system.0.join(format!("{device}/slaves/sda")),
        )
        .unwrap();
        assert_eq!(check(&system.0).len(), 1);
    }

    #[test]
    fn a_swap_that_cannot_be_seen_is_taken_for_a_plain_one() {
        let system = System::new("gone-swap");
        system.swaps(&["/dev/sda9"]);
        assert_eq!(check(&system.0).len(), 1);
    }
}
