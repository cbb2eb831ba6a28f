//! Packages of the test guest `probe`, and a device that trusts who signs them.
//!
//! Must not hold expectations; those stand in the tests.

use std::path::Path;
use tempfile::TempDir;
use valet_bus::{
    Dict, path,
    proxies::{Options, RequestProxy, SkillProxy, SkillsProxy},
};
use valet_testkit::{Author, DaemonBuilder, Packed, until, within};
use zbus::{Connection, Variant, proxy::CacheProperties};

/// What a release says that others do not.
#[derive(Debug, Clone)]
pub struct Release {
    /// Its id.
    pub id: &'static str,
    /// Its counter; its version is `<counter>.0.0`.
    pub counter: u64,
    /// Its table of capabilities, as lines.
    pub capabilities: String,
    /// Intents of the guest with what people say for them.
    pub says: Vec<(&'static str, &'static str)>,
}

impl Release {
    /// The lamp, which says where it is.
    #[must_use]
    pub fn of(counter: u64) -> Self {
        Self {
            id: "org.example.lamp",
            counter,
            capabilities: "location = true\nstore = 4096\nalarms = 2\nannounce = true\n\
                           vehicle-read = [\"Vehicle.Speed\"]\n"
                .to_owned(),
            says: vec![("place", "where is the lamp"), ("remember", "note the lamp")],
        }
    }

    /// With one intent more.
    #[must_use]
    pub fn saying(mut self, intent: &'static str, sentence: &'static str) -> Self {
        self.says.push((intent, sentence));
        self
    }

    /// With these lines among its capabilities.
    #[must_use]
    pub fn asking(mut self, lines: &str) -> Self {
        self.capabilities.push_str(lines);
        self
    }

    /// Its folder.
    ///
    /// # Panics
    /// When the guest is not built.
    #[must_use]
    pub fn folder(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let guests = valet_testkit::guests().unwrap_or_else(|error| panic!("{error}"));
        crate::copy(&guests.join("probe"), folder.path());
        self.write(folder.path());
        folder
    }

    fn write(&self, folder: &Path) {
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        };
        let manifest = std::fs::read_to_string(folder.join("skill.toml"))
            .unwrap_or_else(|error| panic!("{error}"));
        let (head, rest) = manifest.split_once("[capabilities]").unwrap_or_default();
        let (_, tail) = rest.split_once("[limits]").unwrap_or_default();
        let head = head
            .replace("org.example.probe", self.id)
            .replace("1.0.0", &format!("{}.0.0", self.counter))
            .replace("counter = 1", &format!("counter = {}", self.counter));
        let manifest = format!("{head}[capabilities]\n{}\n[limits]{tail}", self.capabilities);
        write("skill.toml", &manifest);
        let sentences: String = self
            .says
            .iter()
            .map(|(intent, text)| format!("[intents.{intent}]\ntemplates = [\"{text}\"]\n"))
            .collect();
        std::fs::create_dir_all(folder.join("sentences")).unwrap_or_else(|error| panic!("{error}"));
        write("sentences/en.toml", &sentences);
    }

    /// As a package that nobody signed.
    ///
    /// # Panics
    /// When the guest is not built.
    #[must_use]
    pub fn packed(&self) -> Packed {
        Packed::of(self.folder().path()).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// An author whom a device trusts below `org.example`.
pub struct Shop {
    /// The author.
    pub author: Author,
    /// The device's folder of keys.
    pub trust: TempDir,
}

impl Shop {
    /// Trusted up to the class `body`.
    ///
    /// # Panics
    /// When the disk refuses.
    #[must_use]
    pub fn open() -> Self {
        let (author, trust) = (Author::new(), tempfile::tempdir());
        let trust = trust.unwrap_or_else(|error| panic!("{error}"));
        author
            .trusted_in(trust.path(), ("org.example.**", "body"), "may-revoke = true\n")
            .unwrap_or_else(|error| panic!("{error}"));
        Self { author, trust }
    }

    /// Lets a daemon trust it.
    #[must_use]
    pub fn trusted_by(&self, builder: DaemonBuilder) -> DaemonBuilder {
        builder.trust(self.trust.path().to_owned())
    }

    /// A release, signed.
    ///
    /// # Panics
    /// When the guest is not built.
    #[must_use]
    pub fn sells(&self, release: &Release) -> Packed {
        self.author.sign(&release.packed())
    }
}

/// Installs a package and gives how it ended.
///
/// # Errors
/// The call's.
///
/// # Panics
/// When the bus fails.
pub async fn install(
    client: &Connection,
    packed: &Packed,
    grants: &[&str],
) -> zbus::Result<(u32, Dict)> {
    install_with(client, packed, grants, Options::new()).await
}

/// The same with options.
///
/// # Errors
/// The call's.
///
/// # Panics
/// When the bus fails.
pub async fn install_with(
    client: &Connection,
    packed: &Packed,
    grants: &[&str],
    mut options: Options<'_>,
) -> zbus::Result<(u32, Dict)> {
    let name = client.unique_name().map(ToString::to_string).unwrap_or_default();
    let request = RequestProxy::builder(client)
        .path(path::request(&name, "install"))
        .cache_properties(CacheProperties::No)
        .build()
        .await?;
    let mut end = request.receive_finished().await?;
    options.insert("handle-token", Variant::from("install"));
    let skills = SkillsProxy::new(client).await?;
    let file = packed.file().unwrap_or_else(|error| panic!("{error}"));
    let hash = &packed.manifest_sha256;
    within("Install", skills.install((&file).into(), hash, grants, options)).await?;
    let finished = until("the end of an installation", &mut end, Some).await;
    let finished = finished.args()?;
    Ok((finished.code, finished.result))
}

/// A skill that is here.
///
/// # Panics
/// When the bus fails.
pub async fn installed(client: &Connection, id: &str) -> SkillProxy<'static> {
    SkillProxy::builder(client)
        .path(path::skill(id))
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}
