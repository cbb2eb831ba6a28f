//! `valetctl trust`: the key files and the list of what is revoked of this system, edited by whoever may write there.
//!
//! Must not write what a daemon would not read: a file is checked by the daemon's own reader before it takes its place. The
//! image's folder is never written. Daemons need not be told: they read the files anew at each question.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use valet_package::folder::read_bounded;
use valet_package::signature::{KeyId, MAX_SIGNATURE_BYTES};
use valet_trust::{
    Fault, LIST, LIST_SIGNATURE, MAX_LIST_BYTES, NEXT_LIST_SIGNATURE, Namespace, Revoked,
    TrustStore, TrustedKey,
};

use crate::args::{TrustAction, TrustArgs, TrustedKeyArgs};
use crate::package::{TRUST, file, refused, replace, secret_key, sync_folder_of};
use crate::screen::{Screen, Style};
use crate::{CtlError, Verdict};

/// Largest file of a public key, bytes.
const MAX_PUBLIC_BYTES: u64 = 4096;

/// Where keys are read, and where they are written.
struct Folders {
    read: Vec<PathBuf>,
    written: PathBuf,
}

/// Runs one of them.
///
/// # Errors
/// [`CtlError::Key`], [`CtlError::File`], [`CtlError::Package`]; the terminal's.
pub(crate) fn run(screen: &mut Screen, arguments: &TrustArgs) -> Result<Verdict, CtlError> {
    let folders = match &arguments.folder {
        Some(folder) => Folders { read: vec![folder.clone()], written: folder.clone() },
        None => {
            let [image, own] = TRUST.map(PathBuf::from);
            Folders { read: vec![image, own.clone()], written: own }
        }
    };
    match arguments.action.as_ref().unwrap_or(&TrustAction::List) {
        TrustAction::List => list(screen, &folders),
        TrustAction::Add(key) => add(screen, &folders, key),
        TrustAction::Remove { key } => remove(screen, &folders, key),
        TrustAction::SignList { list, key } => sign_list(screen, list, key),
        TrustAction::Revoke { list } => revoke(screen, &folders, list),
    }
}

/// What a daemon of the system, or of this user, would believe.
fn read(folders: &[PathBuf]) -> (TrustStore, Vec<Fault>) {
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    TrustStore::read(&folders, &[0, rustix::process::geteuid().as_raw()], 0)
}

fn list(screen: &mut Screen, folders: &Folders) -> Result<Verdict, CtlError> {
    let (store, faults) = read(&folders.read);
    let mut keys = Vec::new();
    for key in store.keys() {
        let (id, class) = (key.id().to_string(), key.highest_class.name());
        let namespaces: Vec<String> = key.namespaces.iter().map(Namespace::to_string).collect();
        let not_after = key.not_after.map(|day| day.to_string());
        let mut words = format!("{id}  {}: {} up to {class}", key.name, namespaces.join(", "));
        if let Some(day) = &not_after {
            // Writing to a text cannot fail.
            let _ = write!(words, ", until {day}");
        }
        words.push_str(if key.may_revoke { ", may revoke" } else { "" });
        words.push_str(if key.may_sign_code { ", may sign code" } else { "" });
        let is_revoked = store.revoked().keys.contains(&key.id());
        let (style, end) = if is_revoked { (Style::Bad, ", REVOKED") } else { (Style::Strong, "") };
        screen.line(screen.paint(style, words + end))?;
        keys.push(json!({
            "key": id, "name": key.name, "namespaces": namespaces, "highest-class": class,
            "not-after": not_after, "may-revoke": key.may_revoke, "may-sign-code": key.may_sign_code,
            "revoked": is_revoked,
        }));
    }
    if keys.is_empty() {
        screen.line("no key is trusted: `valetctl trust add` adds one")?;
    }
    let revoked = store.revoked();
    if revoked.serial > 0 {
        screen.line(format!(
            "list {}: revoked are {} keys, {} packages, {} skills up to a counter",
            revoked.serial,
            revoked.keys.len(),
            revoked.manifests.len(),
            revoked.skills.len()
        ))?;
    }
    let faults: Vec<String> =
        faults.iter().map(|fault| format!("{}: {}", fault.file.display(), fault.why)).collect();
    for fault in &faults {
        screen.line(screen.paint(Style::Warn, format!("not used: {fault}")))?;
    }
    screen.document(&json!({ "keys": keys, "list": revoked.serial, "faults": faults }))?;
    Ok(if faults.is_empty() { Verdict::Fine } else { Verdict::NotFine })
}

fn add(screen: &mut Screen, folders: &Folders, key: &TrustedKeyArgs) -> Result<Verdict, CtlError> {
    let bad = |why: String| CtlError::Key { why };
    let bytes = read_bounded(&key.public, MAX_PUBLIC_BYTES)
        .map_err(|error| refused(&key.public, &error))?;
    let public = String::from_utf8_lossy(&bytes);
    let line = public.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    let mut text = String::from("schema = 1\n");
    let mut set = |name: &str, value: toml::Value| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{name} = {value}");
    };
    set("name", key.name.as_str().into());
    set("key", line.into());
    set("namespaces", key.namespace.clone().into());
    set("highest-class", key.class.as_str().into());
    if let Some(day) = &key.not_after {
        set("not-after", day.as_str().into());
    }
    set("may-revoke", key.may_revoke.into());
    set("may-sign-code", key.may_sign_code.into());
    let name = key.public.display().to_string();
    let trusted = TrustedKey::parse(&name, &text).map_err(|error| bad(error.to_string()))?;
    let id = trusted.id();
    if let Some(there) = read(&folders.read).0.key(id) {
        return Err(bad(format!(
            "the key {id} is trusted already, as {:?}; remove it first to change what it may",
            there.name
        )));
    }
    make_folder(&folders.written)?;
    let place = folders.written.join(format!("{id}.toml"));
    replace(&place, text.as_bytes())?;
    screen.line(format!("{}: {id} ({}) is trusted", place.display(), trusted.name))?;
    screen.document(&json!({ "key": id.to_string(), "file": place.display().to_string() }))?;
    Ok(Verdict::Fine)
}

/// The folder, with nobody else's right to write there.
fn make_folder(folder: &Path) -> Result<(), CtlError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(folder);
    made.map_err(|error| file(folder, "made", &error))
}

fn remove(screen: &mut Screen, folders: &Folders, key: &str) -> Result<Verdict, CtlError> {
    let bad = |why: String| CtlError::Key { why };
    let id: KeyId = key.parse().map_err(|error| bad(format!("{error}")))?;
    let own = key_files(&folders.written)?.into_iter().find(|(_, key)| *key == id);
    let Some((place, _)) = own else {
        let elsewhere = read(&folders.read).0.key(id).is_some();
        return Err(bad(if elsewhere {
            format!("the key {id} came with the image; revoke it by a list instead")
        } else {
            format!("no file in {} has the key {id}", folders.written.display())
        }));
    };
    fs::remove_file(&place)
        .and_then(|()| sync_folder_of(&place))
        .map_err(|error| file(&place, "removed", &error))?;
    screen.line(format!("{id} is not trusted any more"))?;
    screen.document(&json!({ "key": id.to_string(), "removed": place.display().to_string() }))?;
    Ok(Verdict::Fine)
}

/// The key files of one folder that can be read, with their keys.
fn key_files(folder: &Path) -> Result<Vec<(PathBuf, KeyId)>, CtlError> {
    let entries = fs::read_dir(folder).map_err(|error| file(folder, "read", &error))?;
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let key = |path: PathBuf| {
        let bytes = read_bounded(&path, MAX_LIST_BYTES as u64).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let key = TrustedKey::parse(&path.display().to_string(), &text).ok()?;
        Some((path, key.id()))
    };
    Ok(paths.filter(|path| !path.ends_with(LIST)).filter_map(key).collect())
}

fn sign_list(screen: &mut Screen, list: &Path, key: &Path) -> Result<Verdict, CtlError> {
    let bad = |why: String| CtlError::Key { why };
    let (bytes, revoked) = read_list(list)?;
    let secret = secret_key(key)
        .map_err(|error| bad(format!("{} cannot be used: {error}", key.display())))?;
    let comment = format!("revoked {}", revoked.serial);
    let signed = minisign::sign(None, &secret, &bytes[..], Some(&comment), None)
        .map_err(|error| bad(error.to_string()))?;
    let place = signature_of(list);
    replace(&place, signed.into_string().as_bytes())?;
    screen.line(format!("{}: the signature of list {}", place.display(), revoked.serial))?;
    screen
        .document(&json!({ "signature": place.display().to_string(), "list": revoked.serial }))?;
    Ok(Verdict::Fine)
}

/// Its signature's place.
fn signature_of(list: &Path) -> PathBuf {
    let mut place = list.as_os_str().to_owned();
    place.push(".minisig");
    place.into()
}

fn read_list(list: &Path) -> Result<(Vec<u8>, Revoked), CtlError> {
    let bytes = read_bounded(list, MAX_LIST_BYTES as u64).map_err(|error| refused(list, &error))?;
    let text = String::from_utf8_lossy(&bytes);
    let revoked = Revoked::parse(&list.display().to_string(), &text)
        .map_err(|error| CtlError::Key { why: error.to_string() })?;
    Ok((bytes, revoked))
}

fn revoke(screen: &mut Screen, folders: &Folders, list: &Path) -> Result<Verdict, CtlError> {
    let bad = |why: String| CtlError::Key { why };
    let before = read(&folders.read).0.revoked().serial;
    let (bytes, revoked) = read_list(list)?;
    if revoked.serial <= before {
        let serial = revoked.serial;
        return Err(bad(format!("the list {before} is here, and this one is no newer: {serial}")));
    }
    let beside = signature_of(list);
    let signature =
        read_bounded(&beside, MAX_SIGNATURE_BYTES).map_err(|error| refused(&beside, &error))?;
    // Read by the daemon's own reader beside the keys of this system: what it would refuse is not put in place.
    let trial = tempfile::tempdir().map_err(|error| file(Path::new("/tmp"), "made", &error))?;
    let staged = trial.path().join(LIST);
    replace(&staged, &bytes)?;
    replace(&trial.path().join(LIST_SIGNATURE), &signature)?;
    let with_it = [&folders.read[..], &[trial.path().to_owned()]].concat();
    let (store, faults) = read(&with_it);
    if store.revoked() != &revoked {
        let why = faults.into_iter().find(|fault| fault.file.starts_with(trial.path()));
        let why = why.map_or("it is not taken".to_owned(), |fault| fault.why);
        return Err(bad(format!("{}: {why}", list.display())));
    }
    make_folder(&folders.written)?;
    let place = folders.written.join(LIST);
    // Whenever the power goes, the old list or the new one has its signature beside it.
    let next = folders.written.join(NEXT_LIST_SIGNATURE);
    replace(&next, &signature)?;
    replace(&place, &bytes)?;
    fs::rename(&next, folders.written.join(LIST_SIGNATURE))
        .and_then(|()| sync_folder_of(&next))
        .map_err(|error| file(&next, "moved", &error))?;
    screen.line(format!("{}: the list {} counts from now on", place.display(), revoked.serial))?;
    screen.document(&json!({ "file": place.display().to_string(), "list": revoked.serial }))?;
    Ok(Verdict::Fine)
}
