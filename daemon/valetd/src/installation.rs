//! Packages: what blocks of looking into one, of copying it to where it is to lie, and of getting its skill ready.
//!
//! Each byte of a package is read once, and what is verified is what was read: whoever holds the descriptor may change the
//! file meanwhile and gains nothing. Must not decide who may install what, and must not let a skill run.

pub(crate) mod folders;
mod found_again;

pub(crate) use folders::{Folders, Staged};
pub(crate) use found_again::find_again;

use crate::{
    carried_code::with_code,
    skills::{self, Found},
    state::{State, rows::Version},
    trust::{self, Trust, Vouched},
};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write as _},
    os::{fd::OwnedFd, unix::fs::FileExt as _},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use valet_bus::{BusError, ErrorName};
use valet_core::{capability::CapabilitySet, ports::StoreError};
use valet_package::{
    Package, PackageError, Sentences,
    folder::{SkillFolder, read_bounded},
    manifest::MAX_PACKED_MANIFEST_BYTES,
    packed::{self, MANIFEST, MAX_PACKAGE_BYTES, PackedManifest},
    sentences::MAX_SENTENCES_BYTES,
    unpacked::Unpacked,
};
use valet_skill_host::{HostError, Prepared, SkillHost};
use valet_trust::Refusal;
use valet_understanding::{SkillSource, Understander, Vocabulary};

/// Longest reading of a package: a descriptor may lead to a file that gives a byte a minute.
const READ_LIMIT: Duration = Duration::from_secs(60);
/// What a container adds to its files at most, bytes.
const MAX_CONTAINER_BYTES: u64 = 1 << 20;

/// A descriptor that is read from its first byte on, wherever its owner has its place in it.
struct Descriptor {
    file: File,
    at: u64,
    until: Instant,
}

impl Descriptor {
    /// # Errors
    /// `BadPackage` for what is no regular file, `LimitExceeded` for one that is too large.
    fn new(descriptor: OwnedFd) -> Result<io::BufReader<Self>, BusError> {
        let file = File::from(descriptor);
        let unreadable = |e: io::Error| BusError::new(ErrorName::BadPackage, e.to_string());
        let meta = file.metadata().map_err(unreadable)?;
        if !meta.is_file() {
            let why = "the descriptor is of no regular file, expected one of a package";
            return Err(BusError::new(ErrorName::BadPackage, why));
        }
        let (bytes, limit) = (meta.len(), MAX_PACKAGE_BYTES + MAX_CONTAINER_BYTES);
        if bytes > limit {
            let why = format!("the package has {bytes} bytes, expected at most {limit}");
            return Err(BusError::new(ErrorName::LimitExceeded, why));
        }
        let until = Instant::now() + READ_LIMIT;
        Ok(io::BufReader::with_capacity(64 * 1024, Self { file, at: 0, until }))
    }
}

impl Read for Descriptor {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if Instant::now() > self.until {
            let why = format!("it took longer than {} s", READ_LIMIT.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        let read = self.file.read_at(to, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// A package's fault as an answer on the bus.
fn bad_package(error: &PackageError) -> BusError {
    let name = match error {
        PackageError::Signature { .. } => ErrorName::BadSignature,
        PackageError::Unreadable { .. } => ErrorName::Failed,
        PackageError::TooLarge { .. } => ErrorName::LimitExceeded,
        _ => ErrorName::BadPackage,
    };
    // What a package says of itself must not reach a terminal as commands.
    BusError::new(name, error.to_string().replace(char::is_control, " "))
}

fn no_state(error: &StoreError) -> BusError {
    BusError::new(ErrorName::Failed, format!("the state cannot be used: {error}"))
}

/// What is in a package.
pub(crate) struct Contents {
    /// What it is and may.
    pub manifest: PackedManifest,
    /// What people say, by language.
    pub sentences: BTreeMap<String, Sentences>,
    /// Numbers of the keys that signed it, trusted or not.
    pub signers: Vec<String>,
    /// Who vouches for it, or why nobody does.
    pub vouched: Result<Vouched, Refusal>,
}

/// Reads and checks a package whole, and keeps nothing of it on disk.
///
/// # Errors
/// `BadPackage`, `BadSignature` (one that is none), `LimitExceeded`, `Failed`. One that nobody vouches for is no error.
pub(crate) fn inspect(
    descriptor: OwnedFd,
    trust: &Trust,
    state: &State,
) -> Result<Contents, BusError> {
    let package = Package::open(Descriptor::new(descriptor)?).map_err(|e| bad_package(&e))?;
    instant!("inspect.opened");
    let trusted = trust.read(state).map_err(|e| no_state(&e))?;
    let vouched = trusted.judge(&package.manifest, &package.signatures);
    let signers = package.signatures.iter().map(|one| one.id().to_string()).collect();
    let mut texts: BTreeMap<String, Text> = BTreeMap::new();
    let unpacked = package.unpack(|file| {
        let text = Text::default();
        if file.path.starts_with("sentences/") {
            texts.insert(file.path.clone(), text.clone());
            return Ok(Box::new(text) as Box<dyn io::Write>);
        }
        Ok(Box::new(io::sink()))
    });
    let manifest = unpacked.map_err(|e| bad_package(&e))?;
    instant!("inspect.read");
    let mut sentences = BTreeMap::new();
    for (path, text) in texts {
        let language = path.trim_start_matches("sentences/").trim_end_matches(".toml").to_owned();
        let parsed = Sentences::parse(&path, &text.take()?, &manifest.manifest);
        sentences.insert(language, parsed.map_err(|e| bad_package(&e))?);
    }
    Ok(Contents { manifest, sentences, signers, vouched })
}

/// A file of a package that is kept in memory.
#[derive(Default, Clone)]
struct Text(Arc<std::sync::Mutex<Vec<u8>>>);

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // The manifest's list, which was checked, has no longer one.
        if text.len() + bytes.len() > MAX_SENTENCES_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Text {
    fn take(self) -> Result<String, BusError> {
        let bytes =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        String::from_utf8(bytes)
            .map_err(|e| BusError::new(ErrorName::BadPackage, format!("sentences: {e}")))
    }
}

/// A package that was copied, as it was verified.
pub(crate) struct Copied {
    /// Where it lies for now.
    pub staged: Staged,
    /// What it is and may.
    pub manifest: PackedManifest,
    /// Who vouches for it.
    pub vouched: Vouched,
}

/// Copies a package to where it is put together. Nothing of it is written before somebody vouches for it.
///
/// # Errors
/// As [`inspect`]; `Conflict` for another one than was agreed to, `BadSignature` where nobody vouches for it.
pub(crate) fn copy(
    descriptor: OwnedFd,
    agreed: &[u8; 32],
    folders: &Folders,
    (trust, state): (&Trust, &State),
) -> Result<Copied, BusError> {
    instant!("install.begin");
    let package = Package::open(Descriptor::new(descriptor)?).map_err(|e| bad_package(&e))?;
    instant!("install.opened");
    if package.manifest.sha256() != *agreed {
        let id = &package.manifest.manifest.id;
        let why =
            format!("this package of {id} is another one than was agreed to; inspect it again");
        return Err(BusError::new(ErrorName::Conflict, why));
    }
    let trusted = trust.read(state).map_err(|e| no_state(&e))?;
    let vouched = trusted
        .judge(&package.manifest, &package.signatures)
        .map_err(|refusal| trust::refused(&package.manifest.manifest.id, &refusal))?;
    instant!("install.judged");
    let staged = folders.stage().map_err(|e| disk(&e))?;
    write(&staged, MANIFEST, &package.manifest.bytes)?;
    instant!("install.manifest-written");
    for signature in &package.signatures {
        write(&staged, &packed::signature_name(signature), signature.text().as_bytes())?;
        instant!("install.signature-written");
    }
    let manifest = package.unpack(|file| staged.create(&file.path)).map_err(|e| bad_package(&e))?;
    instant!("install.unpacked");
    Ok(Copied { staged, manifest, vouched })
}

fn disk(error: &io::Error) -> BusError {
    BusError::new(ErrorName::Failed, format!("the skill cannot be written to disk: {error}"))
}

fn write(staged: &Staged, path: &str, bytes: &[u8]) -> Result<(), BusError> {
    staged
        .create(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.flush()))
        .map_err(|e| disk(&e))
}

/// A skill that is ready to run, its version in its place on disk.
pub(crate) struct Ready {
    /// As it was read there.
    pub found: Found,
    /// Which version it is.
    pub version: Version,
    /// For the host to adopt.
    pub prepared: Prepared,
}

/// What a skill is got ready with.
#[derive(Clone)]
pub(crate) struct Workshop {
    /// Which compiles and runs.
    pub host: Arc<SkillHost>,
    /// Where versions lie.
    pub folders: Folders,
    /// The language whose sentences count.
    pub language: String,
    /// What clients added to the skills' lists of values.
    pub vocabulary: Vocabulary,
}

impl Workshop {
    /// Gets a version that was copied ready to run, and puts it in its place on disk, where no row names it yet.
    ///
    /// # Errors
    /// `SkillFailed` for what does not compile or cannot be understood; `Failed`.
    pub(crate) fn make_ready(
        &self,
        copied: Copied,
        version: Version,
        granted: CapabilitySet,
    ) -> Result<Ready, BusError> {
        let Copied { staged, manifest, vouched } = copied;
        let read = Unpacked::read(staged.folder(), &version.manifest_sha256)
            .map_err(|e| bad_package(&e))?;
        let (mut read, damage) = with_code(read, staged.folder(), Ok(vouched.code_counts()));
        instant!("prepare.read");
        self.understand(&read)?;
        instant!("prepare.understood");
        let code = read.code.take();
        let for_host = SkillFolder { code, ..read.clone() };
        let prepared = self.host.prepare(for_host, granted);
        let prepared = prepared.map_err(|e| unfit(&e, damage.as_deref()))?;
        instant!("prepare.compiled");
        let id = &manifest.manifest.id;
        let folder = self.folders.keep(staged, id, &version).map_err(|e| disk(&e))?;
        instant!("prepare.kept");
        Ok(Ready { found: Found { read, folder, damage }, version, prepared })
    }

    /// A skill whose sentences cannot be compiled would not be understood.
    fn understand(&self, read: &SkillFolder) -> Result<(), BusError> {
        let Some(sentences) = read.sentences.get(&self.language) else { return Ok(()) };
        let source = SkillSource { manifest: &read.manifest, sentences };
        Understander::build(&self.language, &[source], &self.vocabulary)
            .map(|_| ())
            .map_err(|e| BusError::new(ErrorName::SkillFailed, e.to_string()))
    }
}

/// Hash of the component of a version, as its manifest says; `None` where that cannot be read.
pub(crate) fn component_hash(folder: &Path) -> Option<[u8; 32]> {
    let limit = MAX_PACKED_MANIFEST_BYTES as u64;
    let manifest = read_bounded(&folder.join(MANIFEST), limit).ok()?;
    Some(PackedManifest::parse(manifest).ok()?.files.first()?.sha256)
}

/// Why the host does not take a skill, as an answer on the bus.
pub(crate) fn unfit(error: &HostError, damage: Option<&str>) -> BusError {
    BusError::new(ErrorName::SkillFailed, skills::unfit(error, damage))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Seek as _;

    #[test]
    fn a_descriptor_is_read_from_its_beginning_whoever_moves_in_it() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&[7; 100_000]).expect("written");
        let theirs = file.try_clone().expect("a descriptor");
        let mut ours = Descriptor::new(theirs.into()).expect("a regular file");
        let mut first = [0; 10];
        ours.read_exact(&mut first).expect("read");
        file.rewind().expect("moved");
        let mut rest = Vec::new();
        ours.read_to_end(&mut rest).expect("read");
        assert_eq!(rest.len(), 99_990);
        let (pipe, _other) = io::pipe().expect("a pipe");
        let refused = Descriptor::new(pipe.into()).err().expect("no file");
        assert_eq!(refused.name, ErrorName::BadPackage);
    }
}
