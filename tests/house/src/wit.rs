//! The skill reference: from `skills/wit/*.wit` to Markdown.
//!
//! Must not judge types; the host's bindings do, when they are compiled.

use std::fmt::Write as _;

/// A top-level item of a WIT file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Doc comment, one line a line.
    pub words: String,
    /// `interface` or `world`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What stands within the braces, indented as in the file.
    pub body: String,
}

/// Reads a file: its package and its items.
///
/// # Errors
/// What is wrong, with the line.
pub fn parse(text: &str) -> Result<(String, Vec<Item>), String> {
    let mut package = String::new();
    let mut items = Vec::new();
    let mut words = Vec::new();
    let mut open: Option<Item> = None;
    let mut depth = 0i32;
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let before = depth;
        depth += balance(code);
        if depth < 0 {
            return Err(format!("line {}: a brace closes nothing", number + 1));
        }
        match (&mut open, before, depth) {
            (Some(_), 1, 0) => items.extend(open.take()),
            (Some(item), ..) => {
                let _ = writeln!(item.body, "{}", line.strip_prefix("    ").unwrap_or(line));
            }
            (None, 0, 1) => {
                let mut head = code.trim().trim_end_matches('{').split_whitespace();
                let (kind, name) =
                    (head.next().unwrap_or_default(), head.next().unwrap_or_default());
                if !["interface", "world"].contains(&kind) || name.is_empty() {
                    return Err(format!("line {}: expected interface or world", number + 1));
                }
                let words = std::mem::take(&mut words).join("\n");
                let (kind, name) = (kind.to_owned(), name.to_owned());
                open = Some(Item { words, kind, name, body: String::new() });
            }
            (None, 0, 0) => {
                if let Some(doc) = line.trim().strip_prefix("///") {
                    words.push(doc.trim().to_owned());
                } else if let Some(name) = code.trim().strip_prefix("package ") {
                    package = name.trim_end_matches(';').to_owned();
                } else if !code.trim().is_empty() {
                    return Err(format!(
                        "line {}: {:?} stands outside of an interface",
                        number + 1,
                        code.trim()
                    ));
                }
            }
            _ => return Err(format!("line {}: braces do not match", number + 1)),
        }
    }
    if depth == 0 { Ok((package, items)) } else { Err("the last brace is not closed".to_owned()) }
}

fn balance(code: &str) -> i32 {
    code.chars().map(|c| i32::from(c == '{') - i32::from(c == '}')).sum()
}

/// The reference of the whole contract.
///
/// # Errors
/// The first file that is not well-formed, by name.
pub fn reference(files: &[(String, String)]) -> Result<String, String> {
    let mut out = String::from(
        "# The skill interface\n\n\
         Generated from `skills/wit/*.wit` by `make docs`; do not edit. `docs/skill-authors.md` \
         explains how to write a skill.\n\n",
    );
    for (name, text) in files {
        let (package, items) = parse(text).map_err(|why| format!("{name}: {why}"))?;
        for item in items {
            let _ = writeln!(out, "## {} `{}`\n", item.kind, item.name);
            let _ = writeln!(out, "Package `{package}`.\n");
            if !item.words.is_empty() {
                let _ = writeln!(out, "{}\n", item.words);
            }
            let _ = writeln!(out, "```wit\n{}```\n", item.body);
        }
    }
    Ok(out)
}
