//! What a run knows from outside: options, environment, configuration, paths, the clock and the random generator.
//!
//! The only file that reads environment variables and the clock. There is no setting that exports, runs or reveals anything.

use crate::cli::Globals;
use crate::failure::{Failure, Kind};
use crate::output::Output;
use crate::span;
use etcetera::base_strategy::{BaseStrategy, choose_base_strategy};
use keyfold::model::moment::Moment;
use keyfold::storage::{RealStorage, Storage, read_whole};
use keyfold::vault::Places;
use keyfold::wire::{Display, HoldLimits};
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use toml_edit::DocumentMut;

/// A configuration file is no larger than this.
const CONFIG_LIMIT: usize = 64 << 10;

/// A setting that may stand in the configuration.
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    /// What is in force where nothing is said; `None` where that is found out and not fixed.
    pub(crate) default: Option<&'static str>,
    pub(crate) meaning: &'static str,
}

/// All of them.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        name: "vault",
        default: None,
        meaning: "the vault that is used where none is named: a path, or a name of [vaults]",
    },
    Setting {
        name: "vaults.NAME",
        default: None,
        meaning: "the path of a vault that is called NAME",
    },
    Setting {
        name: "device",
        default: None,
        meaning: "what this device is called in the history",
    },
    Setting {
        name: "agent",
        default: Some("auto"),
        meaning: "auto: the first password that is typed unlocks the agent; never: none is used",
    },
    Setting {
        name: "lock_after",
        default: Some("15m"),
        meaning: "the agent locks a vault that nobody asked for so long: 15m, 90s, 8h, never",
    },
    Setting {
        name: "lock_at_latest",
        default: Some("12h"),
        meaning: "the agent locks a vault so long after it was unlocked: 12h, never",
    },
    Setting {
        name: "lock_with_screen",
        default: Some("auto"),
        meaning: "auto: the agent locks when the desktop tells of a locked screen, sleep or logout; never: it does not listen",
    },
    Setting {
        name: "clipboard_timeout",
        default: Some("30s"),
        meaning: "the clipboard is cleared so long after something was copied: 30s, 2m, never",
    },
    Setting {
        name: "backups.NAME",
        default: None,
        meaning: "the folder of a place for backups that is called NAME",
    },
    Setting {
        name: "backup_keep_last",
        default: None,
        meaning: "how many of the newest backups are kept in each place, besides what other rules keep",
    },
    Setting {
        name: "backup_keep_daily",
        default: None,
        meaning: "of how many days the newest backup is kept",
    },
    Setting {
        name: "backup_keep_weekly",
        default: None,
        meaning: "of how many weeks the newest backup is kept",
    },
    Setting {
        name: "backup_keep_monthly",
        default: None,
        meaning: "of how many months the newest backup is kept",
    },
    Setting {
        name: "breach_list",
        default: None,
        meaning: "the list of breached passwords that audit, add and edit ask: what was downloaded, or a filter made of it",
    },
    Setting {
        name: "two_factor_list",
        default: None,
        meaning: "the list of sites with one-time codes that audit asks, instead of keyfold's own",
    },
    Setting {
        name: "check_passwords",
        default: Some("auto"),
        meaning: "auto: add and edit tell of a password that is reused, weak or breached; never: they do not look",
    },
];

/// Where the desktop may tell something, as the environment and the system's custom have it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Bus {
    /// The machine's: logind speaks there.
    System(String),
    /// The session's: screen savers do.
    Session(String),
}

impl Bus {
    /// Where it listens, as D-Bus writes addresses.
    pub(crate) fn address(&self) -> &str {
        match self {
            Self::System(address) | Self::Session(address) => address,
        }
    }
}

/// Everything of one run that does not come from the vault.
pub(crate) struct Context {
    pub(crate) globals: Globals,
    pub(crate) output: Output,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) rng: StdRng,
    config: Option<DocumentMut>,
}

/// A setting that is in force, and why.
pub(crate) struct InForce {
    pub(crate) value: String,
    pub(crate) why: String,
}

impl Context {
    pub(crate) fn new(globals: Globals) -> Result<Self, Failure> {
        let output = Output::new(globals.json, globals.quiet, globals.color);
        let rng = random()?;
        Ok(Self {
            globals,
            output,
            storage: Arc::new(RealStorage),
            rng,
            config: None,
        })
    }

    /// Fresh random bytes.
    pub(crate) fn random_bytes<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// Milliseconds since 1970, by the system's clock.
    #[expect(clippy::unused_self, reason = "the clock is part of what a run knows")]
    pub(crate) fn now(&self) -> Moment {
        now()
    }

    /// The folder of the agent's socket.
    pub(crate) fn runtime_folder(&self) -> Result<PathBuf, Failure> {
        match variable("XDG_RUNTIME_DIR") {
            Some(folder) => Ok(PathBuf::from(folder).join("keyfold")),
            None => Ok(PathBuf::from(self.state_folder()?.value).join("agent")),
        }
    }

    /// Whether an agent may be asked, and started by the first password that is typed.
    pub(crate) fn uses_agent(&mut self) -> Result<bool, Failure> {
        if self.globals.no_agent {
            return Ok(false);
        }
        self.is_auto("agent")
    }

    /// The buses that the agent listens to.
    pub(crate) fn buses(&mut self) -> Result<Vec<Bus>, Failure> {
        if !self.is_auto("lock_with_screen")? {
            return Ok(Vec::new());
        }
        let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
        let system = text("DBUS_SYSTEM_BUS_ADDRESS");
        let system = system.unwrap_or_else(|| "unix:path=/run/dbus/system_bus_socket".to_owned());
        let session = self.session_bus().or_else(|| {
            let runtime = text("XDG_RUNTIME_DIR")?;
            Some(format!("unix:path={runtime}/bus"))
        });
        let session = session.map(Bus::Session);
        Ok(std::iter::once(Bus::System(system))
            .chain(session)
            .collect())
    }

    /// The session's bus where the environment names one, as D-Bus writes addresses.
    #[expect(clippy::unused_self, reason = "the bus is part of what a run knows")]
    pub(crate) fn session_bus(&self) -> Option<String> {
        let named = variable("DBUS_SESSION_BUS_ADDRESS");
        // What is no UTF-8 is an address of nothing, and not left out.
        named.map(|address| address.to_string_lossy().into_owned())
    }

    /// When the agent locks a vault by itself.
    pub(crate) fn agent_limits(&mut self) -> Result<HoldLimits, Failure> {
        Ok(HoldLimits {
            idle_secs: self.span("lock_after")?,
            age_secs: self.span("lock_at_latest")?,
        })
    }

    /// Whether passwords that somebody chooses are looked at.
    pub(crate) fn checks_passwords(&mut self) -> Result<bool, Failure> {
        self.is_auto("check_passwords")
    }

    /// How long what is copied stays in the clipboard, in seconds; `None` until something else is copied.
    pub(crate) fn clipboard_seconds(&mut self) -> Result<Option<u64>, Failure> {
        self.span("clipboard_timeout")
    }

    /// The display that this run belongs to.
    #[expect(
        clippy::unused_self,
        reason = "the display is part of what a run knows"
    )]
    pub(crate) fn display(&self) -> Display {
        Display {
            wayland: variable("WAYLAND_DISPLAY"),
            runtime_folder: variable("XDG_RUNTIME_DIR"),
            x11: variable("DISPLAY"),
            authority: variable("XAUTHORITY"),
        }
    }

    /// Whether tmux stands between this run and the terminal.
    #[expect(
        clippy::unused_self,
        reason = "the terminal is part of what a run knows"
    )]
    pub(crate) fn is_in_tmux(&self) -> bool {
        variable("TMUX").is_some()
    }

    /// What is in force of a setting, and why: the configuration, else the default where there is one.
    pub(crate) fn in_force(&mut self, setting: &Setting) -> Result<Option<InForce>, Failure> {
        if let Some(value) = self.setting(setting.name)? {
            return Ok(Some(InForce {
                value,
                why: "the configuration".to_owned(),
            }));
        }
        Ok(setting.default.map(|default| InForce {
            value: default.to_owned(),
            why: "the default".to_owned(),
        }))
    }

    /// The value in force of a setting that has a default.
    fn value_of(&mut self, name: &str) -> Result<String, Failure> {
        let setting = SETTINGS.iter().find(|setting| setting.name == name);
        let in_force = match setting {
            Some(setting) => self.in_force(setting)?,
            None => None,
        };
        in_force
            .map(|in_force| in_force.value)
            .ok_or_else(|| Failure::failed(format!("the setting {name} has no value")))
    }

    /// A setting that is auto or never.
    fn is_auto(&mut self, name: &str) -> Result<bool, Failure> {
        match self.value_of(name)?.as_str() {
            "auto" => Ok(true),
            "never" => Ok(false),
            other => Err(Failure::usage(format!(
                "the setting {name} is auto or never, not {other}"
            ))),
        }
    }

    /// A setting that is a span of time, in seconds; `None` for never.
    fn span(&mut self, name: &str) -> Result<Option<u64>, Failure> {
        span::read(&format!("the setting {name}"), &self.value_of(name)?)
    }

    /// Whether somebody sits at a terminal and may be asked.
    pub(crate) fn may_ask(&self) -> bool {
        use std::io::IsTerminal;
        !self.globals.no_input && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Vault file and local state of this run.
    pub(crate) fn places(&mut self) -> Result<Places, Failure> {
        let vault = self.vault()?;
        self.places_at(&vault)
    }

    /// Another vault than this run's, named as `--vault` names one.
    pub(crate) fn places_of(&mut self, named: &str) -> Result<Places, Failure> {
        let vault = self.named_vault(named, "--to-vault")?;
        self.places_at(&vault)
    }

    fn places_at(&self, vault: &InForce) -> Result<Places, Failure> {
        let vault_file = PathBuf::from(&vault.value);
        let state_folder = PathBuf::from(self.state_folder()?.value);
        let absolute = |path: &Path| std::path::absolute(path).map_err(Failure::from);
        Ok(Places {
            vault_file: absolute(&vault_file)?,
            state_folder: absolute(&state_folder)?,
        })
    }

    /// Which vault, and why that one.
    pub(crate) fn vault(&mut self) -> Result<InForce, Failure> {
        if let Some(named) = self.globals.vault.clone() {
            return self.named_vault(&named, "--vault");
        }
        if let Some(named) = variable("KEYFOLD_VAULT") {
            return self.named_vault(&named.to_string_lossy(), "KEYFOLD_VAULT");
        }
        if let Some(named) = self.setting("vault")? {
            return self.named_vault(&named, "the configuration");
        }
        let path = strategy()?.data_dir().join("keyfold").join("vault.keyfold");
        Ok(InForce {
            value: path.display().to_string(),
            why: "the default".to_owned(),
        })
    }

    /// A name of `[vaults]`, else a path.
    fn named_vault(&mut self, named: &str, why: &str) -> Result<InForce, Failure> {
        let by_name = if named.contains(['/', '.']) {
            None
        } else {
            self.setting(&format!("vaults.{named}"))?
        };
        Ok(match by_name {
            Some(path) => InForce {
                value: path,
                why: format!("{why}, which names {named} of [vaults]"),
            },
            None => InForce {
                value: named.to_owned(),
                why: why.to_owned(),
            },
        })
    }

    /// Where this device keeps its own state, and why there.
    #[expect(clippy::unused_self, reason = "stands beside the other places")]
    pub(crate) fn state_folder(&self) -> Result<InForce, Failure> {
        if let Some(path) = variable("KEYFOLD_STATE_DIR") {
            return Ok(InForce {
                value: path.to_string_lossy().into_owned(),
                why: "KEYFOLD_STATE_DIR".to_owned(),
            });
        }
        let strategy = strategy()?;
        let folder = strategy
            .state_dir()
            .unwrap_or_else(|| strategy.data_dir())
            .join("keyfold");
        Ok(InForce {
            value: folder.display().to_string(),
            why: "the default".to_owned(),
        })
    }

    /// Where the configuration lies.
    #[expect(clippy::unused_self, reason = "stands beside the other places")]
    pub(crate) fn config_path(&self) -> Result<InForce, Failure> {
        if let Some(path) = variable("KEYFOLD_CONFIG") {
            return Ok(InForce {
                value: path.to_string_lossy().into_owned(),
                why: "KEYFOLD_CONFIG".to_owned(),
            });
        }
        let path = strategy()?.config_dir().join("keyfold").join("config.toml");
        Ok(InForce {
            value: path.display().to_string(),
            why: "the default".to_owned(),
        })
    }

    /// What this device is called.
    pub(crate) fn device_name(&mut self) -> Result<InForce, Failure> {
        // An empty name would say that the device is retired.
        if let Some(value) = self
            .setting("device")?
            .filter(|name| !name.trim().is_empty())
        {
            return Ok(InForce {
                value,
                why: "the configuration".to_owned(),
            });
        }
        let name = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        Ok(InForce {
            value: name,
            why: "the machine's name".to_owned(),
        })
    }

    /// The configuration, read when it is first asked for.
    pub(crate) fn config(&mut self) -> Result<&mut DocumentMut, Failure> {
        if self.config.is_none() {
            let path = PathBuf::from(self.config_path()?.value);
            let text = match self.storage.open_read(&path)? {
                Some(file) => String::from_utf8(read_whole(&*file, CONFIG_LIMIT)?)
                    .map_err(|_| Failure::usage(format!("{} is not UTF-8", path.display())))?,
                None => String::new(),
            };
            let parsed = text.parse::<DocumentMut>();
            let parsed =
                parsed.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
            self.config = Some(parsed);
        }
        self.config
            .as_mut()
            .ok_or_else(|| Failure::failed("the configuration is gone"))
    }

    /// The texts of a table of the configuration, with their names; none where there is no such table.
    pub(crate) fn table(&mut self, name: &str) -> Result<Vec<(String, String)>, Failure> {
        let Some(table) = self.config()?.get(name) else {
            return Ok(Vec::new());
        };
        let wrong = || Failure::usage(format!("[{name}] must be a table of texts"));
        let rows = table.as_table_like().ok_or_else(wrong)?.iter();
        rows.map(|(key, item)| Ok((key.to_owned(), item.as_str().ok_or_else(wrong)?.to_owned())))
            .collect()
    }

    /// A text of the configuration, by its dotted name.
    pub(crate) fn setting(&mut self, key: &str) -> Result<Option<String>, Failure> {
        let mut item = self.config()?.as_item();
        for part in key.split('.') {
            match item.get(part) {
                Some(next) => item = next,
                None => return Ok(None),
            }
        }
        match item.as_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(Failure::usage(format!("the setting {key} must be a text"))),
        }
    }
}

/// Milliseconds since 1970, by the system's clock.
pub(crate) fn now() -> Moment {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Moment(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A random generator of its own, seeded by the system.
pub(crate) fn random() -> Result<StdRng, Failure> {
    StdRng::try_from_rng(&mut SysRng)
        .map_err(|error| Failure::failed(format!("the system gives no random numbers: {error}")))
}

/// The shell and the words of a command line that is being completed, where that is what is asked for.
pub(crate) fn completed_words(name: &str) -> Option<(String, Vec<OsString>)> {
    let shell = variable(name)?.to_str()?.to_owned();
    let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
    Some((shell, words.collect()))
}

/// This very program, and a folder for what does not last: for `tour`.
pub(crate) fn program_and_temporary_folder() -> std::io::Result<(PathBuf, PathBuf)> {
    Ok((std::env::current_exe()?, std::env::temp_dir()))
}

/// The words of the command line, the program's own name first.
pub(crate) fn words() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// Whether `--json` stands in a command line that could not be parsed.
pub(crate) fn wants_json() -> bool {
    std::env::args_os()
        .take_while(|arg| arg != "--")
        .any(|arg| arg == "--json")
}

/// A variable that is set and not empty.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn strategy() -> Result<impl BaseStrategy, Failure> {
    choose_base_strategy().map_err(|_| {
        Failure::new(Kind::Failed, "there is no home folder")
            .hint("set HOME, or name every path yourself")
    })
}
