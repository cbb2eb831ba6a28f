//! `valetctl skill check|pack|key|sign|verify|inspect`: skills and packages as files, without a daemon.
//!
//! Must not install anything, and must not leave half a file: what is written takes its name when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use minisign::{KeyPair, SecretKey, SecretKeyBox};
use serde_json::json;
use valet_package::folder::{MAX_WASM_BYTES, read_bounded};
use valet_package::packed::{COMPONENT, Package, PackedManifest};
use valet_package::signature::{MAX_SIGNATURE_BYTES, Signature};
use valet_package::source::Source;
use valet_package::{Manifest, pack};
use valet_trust::{Clock, TrustStore};

use crate::args::PackageAction;
use crate::screen::{Screen, Style, pad};
use crate::{CtlError, Verdict};

/// Where a system keeps the keys it trusts, the image's first.
pub(crate) const TRUST: [&str; 2] = ["/usr/share/valetd/trust.d", "/etc/valetd/trust.d"];

/// Runs one of them.
///
/// # Errors
/// [`CtlError::Package`], [`CtlError::File`], [`CtlError::Key`]; the terminal's.
pub(crate) fn run(screen: &mut Screen, action: PackageAction) -> Result<Verdict, CtlError> {
    match action {
        PackageAction::Check { folder } => check(screen, &folder),
        PackageAction::Pack { folder, output } => pack_folder(screen, &folder, output),
        PackageAction::Key { file, no_password } => make_key(screen, &file, no_password),
        PackageAction::Sign { package, key, signature } => {
            let signature = match signature {
                Some(file) => adopt(&file)?,
                None => sign(&package, &key.unwrap_or_default())?,
            };
            add(screen, &package, &signature)
        }
        PackageAction::Verify { package, trust } => verify(screen, &package, &trust),
        PackageAction::Inspect { package } => inspect(screen, &package),
    }
}

fn check(screen: &mut Screen, folder: &Path) -> Result<Verdict, CtlError> {
    let source = Source::read(folder).map_err(|error| refused(folder, &error))?;
    if source.built {
        check_component(folder, &source.manifest)?;
    }
    let Source { manifest, sentences, tests, built, embeddings, code } = &source;
    let remarks = source.remarks();
    for remark in &remarks {
        screen.line(screen.paint(Style::Warn, remark))?;
    }
    let [intents, languages, tests] = [manifest.intents.len(), sentences.len(), tests.tests.len()];
    let built_words = if *built { "" } else { ", not built yet (skill.wasm)" };
    let [embeddings, code] = [embeddings.len(), code.len()];
    screen.line(format!(
        "{} {}: right: intents {intents}, languages {languages}, tests {tests}, embeddings {embeddings}, code {code}{built_words}",
        manifest.id, manifest.version
    ))?;
    screen.document(&json!({
        "id": manifest.id.as_str(), "version": manifest.version, "intents": intents,
        "languages": languages, "tests": tests, "embeddings": embeddings, "code": code, "built": built,
        "remarks": remarks,
    }))?;
    Ok(Verdict::Fine)
}

/// Finds at the desk what a device would refuse: imports that the manifest does not cover, another
/// version of the contract, start-up code.
fn check_component(folder: &Path, manifest: &Manifest) -> Result<(), CtlError> {
    let path = folder.join(COMPONENT);
    let bytes = read_bounded(&path, MAX_WASM_BYTES).map_err(|error| refused(&path, &error))?;
    valet_component::check(&bytes, &manifest.capabilities.kinds())
        .map(|_| ())
        .map_err(|error| refused(&path, &error))
}

fn pack_folder(
    screen: &mut Screen,
    folder: &Path,
    output: Option<PathBuf>,
) -> Result<Verdict, CtlError> {
    let mut bytes = Vec::new();
    let packed = pack::pack(folder, &mut bytes).map_err(|error| refused(folder, &error))?;
    let manifest = &packed.manifest;
    check_component(folder, manifest)?;
    let place =
        output.unwrap_or_else(|| format!("{}-{}.valet", manifest.id, manifest.version).into());
    replace(&place, &bytes)?;
    screen.line(format!("{}: {} bytes, unsigned", place.display(), bytes.len()))?;
    screen.document(&json!({
        "file": place.display().to_string(), "bytes": bytes.len(), "manifest-sha256": hash_of(&packed),
    }))?;
    Ok(Verdict::Fine)
}

fn make_key(screen: &mut Screen, file: &Path, no_password: bool) -> Result<Verdict, CtlError> {
    // Added, not put in place of what follows a dot: names of keys are often ids.
    let [secret, public] =
        ["key", "pub"].map(|end| PathBuf::from(format!("{}.{end}", file.display())));
    if let Some(there) = [&secret, &public].into_iter().find(|path| path.exists()) {
        let why = format!("{} is there already; choose another NAME, or move it", there.display());
        return Err(CtlError::Key { why });
    }
    let bad = |error: minisign::PError| CtlError::Key { why: error.to_string() };
    let pair = if no_password {
        KeyPair::generate_unencrypted_keypair()
    } else {
        KeyPair::generate_encrypted_keypair(None)
    };
    let pair = pair.map_err(bad)?;
    write_new(&secret, &pair.sk.to_box(None).map_err(bad)?.to_bytes(), 0o600)?;
    write_new(&public, &pair.pk.to_box().map_err(bad)?.to_bytes(), 0o644)?;
    screen.line(format!("{}: the secret; keep it off every device", secret.display()))?;
    screen.line(format!(
        "{}: for the key files of devices: {}",
        public.display(),
        pair.pk.to_base64()
    ))?;
    screen.document(&json!({
        "secret": secret.display().to_string(), "public": public.display().to_string(), "key": pair.pk.to_base64(),
    }))?;
    Ok(Verdict::Fine)
}

/// A signature that was made elsewhere.
fn adopt(file: &Path) -> Result<Signature, CtlError> {
    let bytes = read_bounded(file, MAX_SIGNATURE_BYTES).map_err(|error| refused(file, &error))?;
    Signature::adopt(&bytes)
        .map_err(|error| CtlError::Key { why: format!("{}: {error}", file.display()) })
}

fn sign(package: &Path, key: &Path) -> Result<Signature, CtlError> {
    let bad = |why: String| CtlError::Key { why };
    let manifest = open(package)?.manifest;
    let secret = secret_key(key)
        .map_err(|error| bad(format!("{} cannot be used: {error}", key.display())))?;
    let comment = format!("{} {}", manifest.manifest.id, manifest.manifest.version);
    let signed = minisign::sign(None, &secret, &manifest.bytes[..], Some(&comment), None);
    let text = signed.map_err(|error| bad(error.to_string()))?.into_string();
    Signature::adopt(text.as_bytes()).map_err(|error| bad(error.to_string()))
}

/// A secret key; asks for its password where it has one.
pub(crate) fn secret_key(file: &Path) -> Result<SecretKey, minisign::PError> {
    let text = fs::read_to_string(file)?;
    let open = SecretKeyBox::from_string(&text)?.into_unencrypted_secret_key();
    match open {
        Err(_) => SecretKeyBox::from_string(&text)?.into_secret_key(None),
        open => open,
    }
}

fn add(screen: &mut Screen, package: &Path, signature: &Signature) -> Result<Verdict, CtlError> {
    let mut bytes = Vec::new();
    let from = BufReader::new(open_file(package)?);
    pack::add_signature(from, signature, &mut bytes).map_err(|error| refused(package, &error))?;
    replace(package, &bytes)?;
    screen.line(format!("{}: signed with {}", package.display(), signature.id()))?;
    screen.document(&json!({
        "file": package.display().to_string(), "key": signature.id().to_string(),
    }))?;
    Ok(Verdict::Fine)
}

fn verify(screen: &mut Screen, package: &Path, trust: &[PathBuf]) -> Result<Verdict, CtlError> {
    let folders: Vec<&Path> = match trust {
        [] => TRUST.iter().map(Path::new).collect(),
        trust => trust.iter().map(PathBuf::as_path).collect(),
    };
    for folder in trust {
        fs::read_dir(folder).map_err(|error| file(folder, "read", &error))?;
    }
    let owners = [0, rustix::process::geteuid().as_raw()];
    let (store, faults) = TrustStore::read(&folders, &owners, 0);
    for fault in &faults {
        let words = format!("not used: {}: {}", fault.file.display(), fault.why);
        screen.line(screen.paint(Style::Warn, words))?;
    }
    let opened = open(package)?;
    let (manifest, signatures) = (opened.manifest.clone(), opened.signatures.clone());
    opened.unpack(|_| Ok(std::io::sink())).map_err(|error| refused(package, &error))?;
    // Here is a desk, whose clock people see to.
    let clock = Clock { now: Timestamp::now(), trusted: true, latest_seen: Timestamp::UNIX_EPOCH };
    let faults: Vec<String> =
        faults.iter().map(|fault| format!("{}: {}", fault.file.display(), fault.why)).collect();
    match store.judge(&manifest, &signatures, &clock) {
        Ok(verdict) => {
            for signer in &verdict.signers {
                let words = format!(
                    "trusted: signed by {} ({}): {}",
                    signer.name, signer.id, signer.comment
                );
                screen.line(screen.paint(Style::Good, words))?;
            }
            let signers: Vec<String> =
                verdict.signers.iter().map(|signer| signer.id.to_string()).collect();
            screen.document(&json!({ "trusted": true, "signers": signers, "faults": faults }))?;
            Ok(Verdict::Fine)
        }
        Err(refusal) => {
            screen.line(screen.paint(Style::Bad, format!("not trusted: {refusal}")))?;
            let why = refusal.to_string();
            screen.document(&json!({ "trusted": false, "why": why, "faults": faults }))?;
            Ok(Verdict::NotFine)
        }
    }
}

fn inspect(screen: &mut Screen, package: &Path) -> Result<Verdict, CtlError> {
    let opened = open(package)?;
    let (packed, signatures) = (opened.manifest.clone(), opened.signatures.clone());
    opened.unpack(|_| Ok(std::io::sink())).map_err(|error| refused(package, &error))?;
    let manifest = &packed.manifest;
    let title = format!("{} {}", manifest.display_name("en"), manifest.version);
    screen.line(screen.paint(Style::Strong, title))?;
    let capabilities: Vec<String> = manifest.capabilities.iter().map(ToString::to_string).collect();
    let intents: Vec<String> = manifest
        .intents
        .iter()
        .map(|(name, intent)| format!("{name} ({})", intent.class.name()))
        .collect();
    let signed: Vec<String> =
        signatures.iter().map(|one| format!("{} ({})", one.id(), one.comment())).collect();
    let files: Vec<String> =
        packed.files.iter().map(|file| format!("{} ({} bytes)", file.path, file.bytes)).collect();
    let one = |text: &str| vec![text.to_owned()];
    for (name, values) in [
        ("id", one(manifest.id.as_str())),
        ("counter", one(&manifest.counter.to_string())),
        ("license", one(&manifest.license)),
        ("manifest", one(&hash_of(&packed))),
        ("signed with", signed.clone()),
        ("may touch", capabilities.clone()),
        ("intents", intents),
        ("files", files.clone()),
    ] {
        let values = if values.is_empty() { one("nothing") } else { values };
        for (place, value) in values.iter().enumerate() {
            let name = if place == 0 { name } else { "" };
            screen.line(format!("  {} {value}", screen.paint(Style::Dim, pad(name, 12))))?;
        }
    }
    let classes: serde_json::Map<_, _> = manifest
        .intents
        .iter()
        .map(|(name, intent)| (name.clone(), json!(intent.class.name())))
        .collect();
    screen.document(&json!({
        "id": manifest.id.as_str(), "version": manifest.version, "counter": manifest.counter,
        "license": manifest.license, "manifest-sha256": hash_of(&packed), "signatures": signed,
        "capabilities": capabilities, "intents": classes, "files": files,
    }))?;
    Ok(Verdict::Fine)
}

fn hash_of(packed: &PackedManifest) -> String {
    packed.sha256().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn open(package: &Path) -> Result<Package<BufReader<File>>, CtlError> {
    let from = BufReader::new(open_file(package)?);
    Package::open(from).map_err(|error| refused(package, &error))
}

fn open_file(path: &Path) -> Result<File, CtlError> {
    File::open(path).map_err(|error| file(path, "read", &error))
}

pub(crate) fn file(path: &Path, verb: &'static str, error: &std::io::Error) -> CtlError {
    CtlError::File { path: path.display().to_string(), verb, why: error.to_string() }
}

pub(crate) fn refused(path: &Path, error: &impl std::error::Error) -> CtlError {
    // What a package says of itself must not reach the terminal as commands.
    let why = error.to_string().replace(char::is_control, " ");
    CtlError::Package { file: path.display().to_string(), why }
}

/// Writes a file under another name, and gives it this one when it is whole.
pub(crate) fn replace(place: &Path, bytes: &[u8]) -> Result<(), CtlError> {
    let mut staged = place.as_os_str().to_owned();
    staged.push(format!(".{}.part", std::process::id()));
    let staged = PathBuf::from(staged);
    let written = write_new(&staged, bytes, 0o644)
        .and_then(|()| fs::rename(&staged, place).map_err(|error| file(place, "written", &error)))
        .and_then(|()| sync_folder_of(place).map_err(|error| file(place, "written", &error)));
    if written.is_err() {
        // What is left of it is of no use to anybody.
        let _ = fs::remove_file(&staged);
    }
    written
}

/// Sees to it that what was renamed or removed in a file's folder is so after a cut of the power.
pub(crate) fn sync_folder_of(place: &Path) -> std::io::Result<()> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Writes a file that is not there yet.
fn write_new(place: &Path, bytes: &[u8], mode: u32) -> Result<(), CtlError> {
    let write = || {
        let mut to = OpenOptions::new().write(true).create_new(true).mode(mode).open(place)?;
        to.write_all(bytes)?;
        to.sync_all()
    };
    write().map_err(|error: std::io::Error| file(place, "written", &error))
}
