//! What a device announces of itself: the JSON of Home Assistant's MQTT discovery, with its abbreviations.
//!
//! Must not trust it: it comes from whoever may publish. Only what is within the bounds is taken, and a template
//! is read where it names one member of the state and nothing more.

use serde_json::{Map, Value};

/// Longest announcement that is read, bytes.
const MAX_CONFIG_BYTES: usize = 16 << 10;
/// Longest topic, bytes; as the host has it.
const MAX_TOPIC_BYTES: usize = 256;
/// Longest payload of a command, bytes; those of switches and covers are a word.
const MAX_PAYLOAD_BYTES: usize = 256;

/// Keys that devices with little memory abbreviate, as Home Assistant lists them; only those that are read here.
const SHORT: [(&str, &str); 52] = [
    ("avty", "availability"),
    ("avty_t", "availability_topic"),
    ("avty_tpl", "availability_template"),
    ("bri_cmd_t", "brightness_command_topic"),
    ("bri_scl", "brightness_scale"),
    ("bri_stat_t", "brightness_state_topic"),
    ("bri_val_tpl", "brightness_value_template"),
    ("cmd_t", "command_topic"),
    ("dev", "device"),
    ("dev_cla", "device_class"),
    ("ent_cat", "entity_category"),
    ("ids", "identifiers"),
    ("mode_cmd_t", "mode_command_topic"),
    ("mode_stat_t", "mode_state_topic"),
    ("mode_stat_tpl", "mode_state_template"),
    ("pl_cls", "payload_close"),
    ("pl_not_avail", "payload_not_available"),
    ("pl_off", "payload_off"),
    ("pl_on", "payload_on"),
    ("pl_open", "payload_open"),
    ("pl_paus", "payload_pause"),
    ("pl_prs", "payload_press"),
    ("pl_ret", "payload_return_to_base"),
    ("pl_stop", "payload_stop"),
    ("pl_strt", "payload_start"),
    ("pos_clsd", "position_closed"),
    ("pos_open", "position_open"),
    ("pos_t", "position_topic"),
    ("pos_tpl", "position_template"),
    ("pow_cmd_t", "power_command_topic"),
    ("rgb_cmd_t", "rgb_command_topic"),
    ("rgb_stat_t", "rgb_state_topic"),
    ("rgb_val_tpl", "rgb_value_template"),
    ("sa", "suggested_area"),
    ("set_pos_t", "set_position_topic"),
    ("set_pos_tpl", "set_position_template"),
    ("stat_clsd", "state_closed"),
    ("stat_off", "state_off"),
    ("stat_on", "state_on"),
    ("stat_open", "state_open"),
    ("stat_stopped", "state_stopped"),
    ("stat_t", "state_topic"),
    ("stat_val_tpl", "state_value_template"),
    ("sup_clrm", "supported_color_modes"),
    ("sup_feat", "supported_features"),
    ("t", "topic"),
    ("temp_cmd_t", "temperature_command_topic"),
    ("temp_stat_t", "temperature_state_topic"),
    ("temp_stat_tpl", "temperature_state_template"),
    ("temp_unit", "temperature_unit"),
    ("unit_of_meas", "unit_of_measurement"),
    ("val_tpl", "value_template"),
];
/// Where a device says what it is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// The topic.
    pub(crate) topic: String,
    /// The member of the JSON object that says it; none where the whole payload does.
    pub(crate) member: Option<String>,
}

/// An announcement with its keys written out.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    keys: Map<String, Value>,
    base: String,
}

impl Config {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, &'static str> {
        if payload.len() > MAX_CONFIG_BYTES {
            return Err("it is longer than 16 KiB");
        }
        match serde_json::from_slice(payload) {
            Ok(Value::Object(keys)) => Ok(Self::of(keys)),
            Ok(_) => Err("it is no JSON object"),
            Err(_) => Err("it is no JSON"),
        }
    }

    fn of(keys: Map<String, Value>) -> Self {
        let base = keys.get("~").and_then(Value::as_str).unwrap_or_default().to_owned();
        let keys = keys.into_iter().map(|(key, value)| (long(&key).to_owned(), value)).collect();
        Self { keys, base }
    }

    /// A table inside, such as `device`; an empty one where there is none.
    pub(crate) fn table(&self, key: &str) -> Self {
        match self.keys.get(key) {
            Some(Value::Object(keys)) => self.inside(keys),
            _ => self.inside(&Map::new()),
        }
    }

    /// The tables of a list, at most eight; one table counts as a list of one.
    pub(crate) fn tables(&self, key: &str) -> Vec<Self> {
        let all = match self.keys.get(key) {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_object).take(8).collect(),
            Some(Value::Object(one)) => vec![one],
            _ => Vec::new(),
        };
        all.into_iter().map(|keys| self.inside(keys)).collect()
    }

    /// Topics inside are below the same base.
    fn inside(&self, keys: &Map<String, Value>) -> Self {
        Self { base: self.base.clone(), ..Self::of(keys.clone()) }
    }

    /// A text.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.keys.get(key)?.as_str().filter(|text| !text.trim().is_empty())
    }

    /// The texts of a list; one text counts as a list of one.
    pub(crate) fn texts(&self, key: &str) -> Vec<&str> {
        match self.keys.get(key) {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(one)) => vec![one],
            _ => Vec::new(),
        }
    }

    /// Whether it says yes.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.keys.get(key).and_then(Value::as_bool).unwrap_or_default()
    }

    /// A number.
    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        self.keys.get(key)?.as_f64().filter(|number| number.is_finite())
    }

    /// A topic that can be published to and asked for.
    pub(crate) fn topic(&self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        let topic = match (text.strip_prefix('~'), text.strip_suffix('~')) {
            (Some(rest), _) => format!("{}{rest}", self.base),
            (None, Some(rest)) => format!("{rest}{}", self.base),
            (None, None) => text.to_owned(),
        };
        let fits = topic.len() <= MAX_TOPIC_BYTES
            && !topic.is_empty()
            && !topic.contains(['+', '#'])
            && !topic.chars().any(char::is_control);
        fits.then_some(topic)
    }

    /// What is published or reported for something; `None` where the device says that it has no such thing.
    pub(crate) fn payload(&self, key: &str, usual: &str) -> Option<String> {
        let text = match self.keys.get(key) {
            None => usual.to_owned(),
            Some(Value::Null) => return None,
            Some(value) => plain(value)?,
        };
        (text.len() <= MAX_PAYLOAD_BYTES && !text.chars().any(char::is_control)).then_some(text)
    }

    /// Where something is reported. `None` also where the template does more than naming a member.
    pub(crate) fn report(&self, topic: &str, template: &str) -> Option<Report> {
        let topic = self.topic(topic)?;
        let member = match self.text(template) {
            None => None,
            Some(template) => Some(member(template)?.to_owned()),
        };
        Some(Report { topic, member })
    }
}

fn long(key: &str) -> &str {
    SHORT.iter().find(|(short, _)| *short == key).map_or(key, |(_, long)| long)
}

/// A plain value as a device writes it: `"ON"`, `true`, `21.5`.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What of a payload counts, as text; the same as the host sees when it waits for it.
pub(crate) fn seen(payload: &[u8], member: Option<&str>) -> Option<String> {
    match member {
        None => core::str::from_utf8(payload).ok().map(str::to_owned),
        Some(member) => plain(serde_json::from_slice::<Value>(payload).ok()?.get(member)?),
    }
}

/// The member that a template names: `{{ value_json.state }}` or `{{ value_json['state'] }}`.
fn member(template: &str) -> Option<&str> {
    let inside = template.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let rest = inside.strip_prefix("value_json")?;
    let quoted = |quote: char| {
        rest.strip_prefix('[')?.strip_prefix(quote)?.strip_suffix(']')?.strip_suffix(quote)
    };
    let name = rest.strip_prefix('.').or_else(|| quoted('\'')).or_else(|| quoted('"'))?;
    let fits = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    (!name.is_empty() && name.len() <= 64 && name.chars().all(fits)).then_some(name)
}

/// A template of a command with its one value put in; `None` where it is more than text and that value.
pub(crate) fn fill(template: &str, name: &str, value: &str) -> Option<String> {
    let (before, rest) = template.split_once("{{")?;
    let (inside, after) = rest.split_once("}}")?;
    let simple = inside.trim() == name && !after.contains("{{") && !template.contains("{%");
    simple.then(|| format!("{before}{value}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(text.as_bytes()).unwrap_or_else(|why| panic!("{why}: {text}"))
    }

    #[test]
    fn short_keys_and_the_base_topic_are_written_out() {
        let lamp = config(
            r#"{"~":"home/lamp","cmd_t":"~/set","stat_t":"~/state","val_tpl":"{{ value_json.state }}",
                "dev":{"ids":"0x1","sa":"Kitchen"},"avty":[{"t":"~/there","pl_not_avail":"gone"}]}"#,
        );
        assert_eq!(lamp.topic("command_topic").as_deref(), Some("home/lamp/set"));
        let report = lamp.report("state_topic", "value_template");
        let wanted = Report { topic: "home/lamp/state".into(), member: Some("state".into()) };
        assert_eq!(report, Some(wanted));
        assert_eq!(lamp.table("device").text("suggested_area"), Some("Kitchen"));
        assert_eq!(lamp.table("device").texts("identifiers"), ["0x1"]);
        let there = &lamp.tables("availability")[0];
        assert_eq!(there.topic("topic").as_deref(), Some("home/lamp/there"));
        assert_eq!(there.payload("payload_not_available", "offline").as_deref(), Some("gone"));
    }

    #[test]
    fn what_is_foreign_is_bounded() {
        for bad in ["", "[1]", "nonsense", "{\"a\":", "\"text\""] {
            assert!(Config::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(Config::parse(deep.as_bytes()).is_err());
        assert!(Config::parse(&vec![b' '; MAX_CONFIG_BYTES + 1]).is_err());
        let long = "x".repeat(300);
        for topic in ["a/+/b", "#", " ", "a\\u0000b", &long] {
            let odd = config(&format!(r#"{{"command_topic":"{topic}"}}"#));
            assert_eq!(odd.topic("command_topic"), None, "{topic}");
        }
        let odd = config(&format!(
            r#"{{"payload_on":"{long}","payload_off":"a\nb","payload_stop":null}}"#
        ));
        for key in ["payload_on", "payload_off", "payload_stop"] {
            assert_eq!(odd.payload(key, "x"), None, "{key}");
        }
        assert_eq!(odd.payload("payload_open", "OPEN").as_deref(), Some("OPEN"));
    }

    #[test]
    fn only_templates_that_name_a_member_are_read() {
        assert_eq!(member("{{ value_json.state }}"), Some("state"));
        assert_eq!(member("{{value_json['state_left']}}"), Some("state_left"));
        assert_eq!(member("{{ value_json[\"position\"] }}"), Some("position"));
        for other in [
            "{{ value_json.a.b }}",
            "{{ value_json.a | int }}",
            "{% if value_json.a %}on{% endif %}",
            "{{ value }}",
            "on",
            "{{ value_json. }}",
        ] {
            assert_eq!(member(other), None, "{other}");
        }
        let odd = config(r#"{"state_topic":"a","value_template":"{{ value | upper }}"}"#);
        assert_eq!(odd.report("state_topic", "value_template"), None, "unknown is not the whole");
        let whole = config(r#"{"state_topic":"a"}"#).report("state_topic", "value_template");
        assert_eq!(whole, Some(Report { topic: "a".into(), member: None }));
    }

    #[test]
    fn a_template_of_a_command_takes_one_value() {
        let filled = fill("{\"position\": {{ position }} }", "position", "40");
        assert_eq!(filled.as_deref(), Some("{\"position\": 40 }"));
        assert_eq!(fill("{{ position * 2 }}", "position", "40"), None);
        assert_eq!(fill("{% if x %}{{ position }}{% endif %}", "position", "40"), None);
    }

    #[test]
    fn what_counts_of_a_payload_is_what_the_host_sees() {
        assert_eq!(seen(b"ON", None).as_deref(), Some("ON"));
        assert_eq!(seen(b"{\"state\":\"ON\",\"level\":7}", Some("level")).as_deref(), Some("7"));
        assert_eq!(seen(b"{\"state\":null}", Some("state")), None);
        assert_eq!(seen(b"{\"state\":{}}", Some("state")), None);
        assert_eq!(seen(b"ON", Some("state")), None);
        assert_eq!(seen(&[0xff], None), None);
    }
}
