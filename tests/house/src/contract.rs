//! The D-Bus reference: from `daemon/bus/interfaces/*.xml` to Markdown.
//!
//! Must not know more XML than those files use: elements, attributes, comments.

use std::fmt::Write as _;

/// An element with its attributes and children.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// Attributes in order, entities resolved.
    pub attributes: Vec<(String, String)>,
    /// Elements within.
    pub children: Vec<Element>,
}

impl Element {
    /// An attribute, or an empty text.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// Children of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The value of an annotation, or an empty text.
    #[must_use]
    pub fn note(&self, name: &str) -> &str {
        self.all("annotation")
            .find(|a| a.attribute("name") == name)
            .map_or("", |a| a.attribute("value"))
    }

    fn words(&self) -> &str {
        self.note("org.gtk.GDBus.DocString")
    }
}

/// Reads a document; the root element.
///
/// # Errors
/// What was expected and where, when the text is not well-formed.
pub fn parse(text: &str) -> Result<Element, String> {
    let mut open = vec![Element::default()];
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        let line = text[..text.len() - rest.len()].lines().count() + 1;
        if rest.starts_with("<!--") {
            rest = after(rest, "-->").ok_or(format!("line {line}: a comment does not end"))?;
            continue;
        }
        if rest.starts_with("<?") || rest.starts_with("<!") {
            rest = after(rest, ">").ok_or(format!("line {line}: a declaration does not end"))?;
            continue;
        }
        let end = tag_end(rest).ok_or(format!("line {line}: a tag does not end"))?;
        let inside = &rest[1..end];
        rest = &rest[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            let closed = open.pop().filter(|e| e.name == name.trim());
            let closed = closed.ok_or(format!("line {line}: </{name}> closes nothing"))?;
            open.last_mut().ok_or("too many closing tags")?.children.push(closed);
            continue;
        }
        let empty = inside.ends_with('/');
        let element = element(inside.trim_end_matches('/'))
            .ok_or(format!("line {line}: attributes of <{inside}> are not name=\"value\""))?;
        if empty {
            open.last_mut().ok_or("no open element")?.children.push(element);
        } else {
            open.push(element);
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(mut outer), true) if outer.children.len() == 1 => Ok(outer.children.remove(0)),
        _ => Err("an element is not closed, or there is more than one root".to_owned()),
    }
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.find(mark).map(|at| &text[at + mark.len()..])
}

/// The closing bracket of a tag, quotes looked through.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

fn element(inside: &str) -> Option<Element> {
    let inside = inside.trim();
    let (name, mut rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some(Element { name: name.to_owned(), attributes, children: Vec::new() });
        }
        let (key, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, behind) = value[1..].split_once(quote)?;
        attributes.push((key.trim().to_owned(), resolve(value)));
        rest = behind;
    }
}

fn resolve(value: &str) -> String {
    let plain = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    plain.replace("&apos;", "'").replace("&amp;", "&")
}

/// The reference of all interfaces.
///
/// # Errors
/// The first file that is not well-formed, by name.
pub fn reference(files: &[(String, String)]) -> Result<String, String> {
    let mut out = String::from(
        "# The D-Bus interface\n\n\
         Generated from `daemon/bus/interfaces/*.xml` by `make docs`; do not edit.\n\n\
         Bus name `org.valetd.Assistant1`, root object `/org/valetd/Assistant1`. “Served” says \
         whether the daemon answers today; “planned” interfaces are part of the contract and not \
         there yet; “client” ones are implemented by who calls. Errors carry the prefix \
         `org.valetd.Error.`.\n\n",
    );
    for (name, text) in files {
        let node = parse(text).map_err(|why| format!("{name}: {why}"))?;
        for interface in node.all("interface") {
            write_interface(&mut out, interface);
        }
    }
    Ok(out)
}

fn write_interface(out: &mut String, interface: &Element) {
    let status = |element: &Element| match element.note("org.valetd.Status") {
        "" => String::new(),
        status => format!(" *({status})*"),
    };
    let _ = writeln!(out, "## `{}`{}\n", interface.attribute("name"), status(interface));
    let _ = writeln!(out, "{}\n", interface.words());
    let object = interface.note("org.valetd.Object");
    if !object.is_empty() {
        let _ = writeln!(out, "Object: `{object}`\n");
    }
    for method in interface.all("method") {
        let (into, back) = (arguments(method, "in"), arguments(method, "out"));
        let arrow = if back.is_empty() { String::new() } else { format!(" → {back}") };
        let name = method.attribute("name");
        let _ = writeln!(out, "### `{name}({into}){arrow}`{}\n", status(method));
        write_words(out, method);
    }
    for signal in interface.all("signal") {
        let name = signal.attribute("name");
        let _ = writeln!(out, "### Signal `{name}({})`{}\n", arguments(signal, ""), status(signal));
        write_words(out, signal);
    }
    let properties: Vec<&Element> = interface.all("property").collect();
    if !properties.is_empty() {
        let _ = writeln!(out, "### Properties\n");
        for property in properties {
            let (name, kind) = (property.attribute("name"), property.attribute("type"));
            let written =
                if property.attribute("access") == "readwrite" { ", writable" } else { "" };
            let _ = writeln!(
                out,
                "- `{name} {kind}`{written}{}: {}",
                status(property),
                property.words()
            );
        }
        out.push('\n');
    }
}

fn arguments(member: &Element, direction: &str) -> String {
    let of = |arg: &&Element| direction.is_empty() || arg.attribute("direction") == direction;
    let all = member.all("arg").filter(of);
    all.map(|a| format!("{} {}", a.attribute("type"), a.attribute("name")))
        .collect::<Vec<_>>()
        .join(", ")
}

fn write_words(out: &mut String, member: &Element) {
    if !member.words().is_empty() {
        let _ = writeln!(out, "{}\n", member.words());
    }
    let mut any = false;
    for argument in member.all("arg").filter(|a| !a.words().is_empty()) {
        let _ = writeln!(out, "- `{}`: {}", argument.attribute("name"), argument.words());
        any = true;
    }
    if any {
        out.push('\n');
    }
}
