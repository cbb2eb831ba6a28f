//! Verdicts on the engine, on two small skills.

use super::*;
use proptest::prelude::*;
use valet_core::{
    entity::{EntityKind, Value},
    understanding::{Expected, Previous},
    zone::Zone,
};
use valet_package::{Manifest, Sentences};

const CLIMATE: &str = r#"
schema = 1
[skill]
id = "org.example.climate"
version = "1.0.0"
counter = 1
api = "0.1"
name = { en = "Climate" }
license = "Apache-2.0"
[intents.set-temperature]
description = "Set the temperature"
class = "comfort"
slots.temperature = { entity = "temperature", required = true, ask = { en = "What temperature?" } }
slots.zone = { entity = "zone", default = "speaker" }
[intents.change-temperature]
description = "Warmer or colder"
class = "comfort"
slots.direction = { entity = "direction", required = true, ask = { en = "Warmer?" } }
slots.zone = { entity = "zone" }
[intents.query-climate]
description = "Tell the temperature"
class = "info"
[intents.switch]
description = "Switch something on or off"
class = "comfort"
slots.device = { entity = "device", required = true, ask = { en = "What?" } }
slots.state = { entity = "boolean", required = true, ask = { en = "On or off?" } }
"#;

const CLIMATE_EN: &str = r#"
[rules]
set = "(set|make|turn|put)"
[entities.direction.values]
warmer = ["up", "hotter"]
colder = ["down", "cooler"]
[entities.device.values]
ac = ["air conditioning", "a/c"]
seat-heating = ["seat heating", "heated seat"]
[intents.set-temperature]
templates = [
    "<set> [the] [{zone}] (temperature|heating|climate) [for {zone}] to {temperature}",
    "<set> {zone} to {temperature}", "make it {temperature} [for {zone}]",
]
samples = ["can you get it to {temperature: twenty two degrees} for {zone: my wife}"]
suggest = ["Set the temperature to 21 degrees"]
[intents.change-temperature]
templates = ["make it {direction} [for {zone}]", "[a bit] {direction} please", "i'm freezing"]
suggest = ["Make it warmer"]
[intents.query-climate]
templates = ["(what's|how warm is) the temperature", "how warm is it"]
[intents.switch]
templates = ["(turn|switch) {state} the {device}", "(turn|switch) the {device} {state}"]
"#;

const BODY: &str = r#"
schema = 1
[skill]
id = "org.example.body"
version = "1.0.0"
counter = 1
api = "0.1"
name = { en = "Body" }
license = "Apache-2.0"
[intents.open-window]
description = "Open a window"
class = "body"
slots.zone = { entity = "zone" }
[intents.close-window]
description = "Close a window"
class = "body"
slots.zone = { entity = "zone" }
[intents.open-sunroof]
description = "Open the sunroof"
class = "body"
[intents.navigate]
description = "Go somewhere"
class = "comfort"
slots.place = { entity = "text", required = true, ask = { en = "Where to?" } }
"#;

const BODY_EN: &str = r#"
[intents.open-window]
templates = ["open [the] [{zone}] window[s]", "open [the] window[s] (for|on) [the] {zone}", "open {zone} window[s]"]
suggest = ["Open the window"]
[intents.close-window]
templates = ["close [the] [{zone}] window[s]"]
[intents.open-sunroof]
templates = ["open [the] sunroof"]
[intents.navigate]
templates = ["navigate to {place}", "take me to {place}"]
suggest = ["Navigate to the airport"]
"#;

pub(super) fn understander() -> Understander {
    let read = |manifest: &str, sentences: &str| {
        let manifest = Manifest::parse("skill.toml", manifest).expect("a manifest");
        let sentences = Sentences::parse("en.toml", sentences, &manifest).expect("sentences");
        (manifest, sentences)
    };
    let skills = [read(CLIMATE, CLIMATE_EN), read(BODY, BODY_EN)];
    let sources: Vec<SkillSource<'_>> =
        skills.iter().map(|(manifest, sentences)| SkillSource { manifest, sentences }).collect();
    Understander::build("en", &sources, &Vocabulary::new()).expect("an understander")
}

pub(super) fn request(text: &str) -> Request {
    Request {
        text: text.to_owned(),
        language: "en".to_owned(),
        zone: Zone::DRIVER,
        expected: None,
        local_now: None,
        previous: None,
    }
}

pub(super) fn shown(understood: Option<Understanding>) -> String {
    let Some(understood) = understood else { return "-".to_owned() };
    let slots = |slots: &[Slot]| -> String {
        let mut all: Vec<String> =
            slots.iter().map(|s| format!("{}={}", s.name, s.value)).collect();
        all.sort();
        all.join(",")
    };
    if let Some(act) = understood.act {
        return act.name().to_owned();
    }
    if let Some(answer) = understood.answer {
        return format!("answer {}={}", answer.name, answer.value);
    }
    let commands = understood.commands.iter();
    commands
        .map(|c| format!("{}({})", c.best.intent.name(), slots(&c.best.slots)))
        .collect::<Vec<_>>()
        .join(" + ")
}

fn hear(text: &str) -> String {
    shown(understander().match_templates(&request(text)))
}

#[test]
fn template_commands_are_understood_with_words_around_them() {
    for (text, expected) in [
        ("Set the temperature to 22", "set-temperature(temperature=22)"),
        (
            "Hey, could you please set the temperature to twenty two degrees, thanks",
            "set-temperature(temperature=22)",
        ),
        (
            "set the temperature for the passenger to 20",
            "set-temperature(temperature=20,zone=row1-passenger)",
        ),
        ("open my window", "open-window(zone=row1-driver)"),
        ("open the rear left window", "open-window(zone=row2-driver)"),
        ("I want you to open the window right now", "open-window()"),
        ("I'm freezing!", "change-temperature()"),
        ("i am freezing", "change-temperature()"),
        ("turn on the A/C", "switch(device=ac,state=true)"),
        ("turn the air conditioning off", "switch(device=ac,state=false)"),
        ("what's the temperature?", "query-climate()"),
        ("what is the temperature", "query-climate()"),
        ("navigate to 10 Downing Street, please", "navigate(place=10 Downing Street)"),
        ("is the window open", "-"),
        ("tell me a story about windows", "-"),
        ("", "-"),
        ("please", "-"),
    ] {
        assert_eq!(hear(text), expected, "{text:?}");
    }
}

#[test]
fn several_commands_are_split_where_each_part_is_understood() {
    for (text, expected) in [
        (
            "open the window and set the temperature to 20",
            "open-window() + set-temperature(temperature=20)",
        ),
        (
            "open the window, then close the rear window and after that turn on the ac",
            "open-window() + close-window(zone=row2) + switch(device=ac,state=true)",
        ),
        ("open the windows and the sunroof", "open-window() + open-sunroof()"),
        (
            "set the driver to 22 and the passenger to 20",
            "set-temperature(temperature=22,zone=row1-driver) + set-temperature(temperature=20,zone=row1-passenger)",
        ),
        (
            "turn on the ac and the seat heating",
            "switch(device=ac,state=true) + switch(device=seat-heating,state=true)",
        ),
        (
            "open my window and the passenger side too",
            "open-window(zone=row1-driver) + open-window(zone=row1-passenger)",
        ),
        ("navigate to berlin and open the window", "navigate(place=berlin) + open-window()"),
        ("navigate to barnes and noble", "navigate(place=barnes and noble)"),
        ("set driver and passenger to 21", "set-temperature(temperature=21,zone=row1)"),
        ("open the window and tell me a joke", "-"),
    ] {
        assert_eq!(hear(text), expected, "{text:?}");
    }
    let understood = understander()
        .match_templates(&request("Open the window and close the window."))
        .expect("two");
    let spans: Vec<(u32, u32)> = understood.commands.iter().map(|c| (c.start, c.end)).collect();
    assert_eq!(spans, [(0, 15), (20, 36)]);
}

#[test]
fn dialogue_acts_are_understood() {
    for (text, expected) in [
        ("yes", "affirm"),
        ("Yes please", "affirm"),
        ("sure, go ahead", "affirm"),
        ("ok", "affirm"),
        ("no", "deny"),
        ("no, don't do that", "deny"),
        ("never mind", "stop"),
        ("stop", "stop"),
        ("cancel that please", "stop"),
        ("no wait", "stop"),
        ("wait, cancel that", "stop"),
        ("hold on", "stop"),
        ("undo that", "undo"),
        ("take that back", "undo"),
        ("say that again", "repeat"),
        ("what did you say?", "repeat"),
        ("help", "help"),
        ("what can I say?", "help"),
        ("what can you do", "help"),
    ] {
        assert_eq!(hear(text), expected, "{text:?}");
    }
}

fn answering(text: &str, slot: &str, entity: EntityKind, choices: &[(&str, &str)]) -> String {
    let expected = Expected {
        intent: IntentId::parse("org.example.climate/set-temperature").expect("an intent"),
        slot: slot.to_owned(),
        entity,
        choices: choices
            .iter()
            .map(|(id, label)| ((*id).to_owned(), (*label).to_owned()))
            .collect(),
    };
    shown(understander().match_templates(&Request { expected: Some(expected), ..request(text) }))
}

#[test]
fn bare_answers_fill_the_expected_slot() {
    let t = || EntityKind::Temperature;
    for (text, expected) in [
        ("22", "answer s=22"),
        ("make it twenty two please", "answer s=22"),
        ("uh, maybe 21 degrees", "answer s=21"),
        ("never mind", "stop"),
        ("open the window", "open-window()"),
        ("I don't know", "-"),
    ] {
        assert_eq!(answering(text, "s", t(), &[]), expected, "{text:?}");
    }
    assert_eq!(answering("five minutes", "d", EntityKind::Duration, &[]), "answer d=300000 ms");
    assert_eq!(
        answering("the passenger side", "z", EntityKind::Zone, &[]),
        "answer z=row1-passenger"
    );
    assert_eq!(answering("off", "b", EntityKind::Boolean, &[]), "answer b=false");
    let list = || EntityKind::Listed("device".into());
    assert_eq!(answering("the air conditioning", "e", list(), &[]), "answer e=ac");
    assert_eq!(answering("the airconditionning", "e", list(), &[]), "answer e=ac");
}

#[test]
fn free_text_answers_yield_to_acts_and_commands() {
    let text = |said: &str| answering(said, "place", EntityKind::Text, &[]);
    assert_eq!(text("to Berlin please"), "answer place=Berlin");
    assert_eq!(text("the old town hall"), "answer place=the old town hall");
    assert_eq!(text("cancel"), "stop");
    assert_eq!(text("open the window"), "open-window()");
    assert_eq!(text("where am I"), "-");
}

#[test]
fn offered_choices_are_taken_by_place_and_label() {
    let choices =
        [("a", "Shell, Main Street"), ("b", "Esso, Harbour Road"), ("c", "Aral, Station Square")];
    let choose = |said: &str| answering(said, "place", EntityKind::Text, &choices);
    for (said, expected) in [
        ("the second one", "answer place=b"),
        ("the last one please", "answer place=c"),
        ("number one", "answer place=a"),
        ("the 2nd", "answer place=b"),
        ("Shell, Main Street", "answer place=a"),
        ("aral", "answer place=c"),
        ("the one on harbour road", "answer place=b"),
        ("harbor road", "answer place=b"),
        ("harbour road", "answer place=b"),
        ("the fifth", "-"),
        ("stop", "stop"),
    ] {
        assert_eq!(choose(said), expected, "{said:?}");
    }
}

fn following(text: &str, intent: &str, slots: &[(&str, Value)]) -> String {
    let intent = IntentId::parse(intent).expect("an intent");
    let slots = slots.iter().map(|(name, value)| Slot::implied(name, value.clone())).collect();
    let previous = Previous { intent, slots, said: Vec::new() };
    shown(understander().match_templates(&Request { previous: Some(previous), ..request(text) }))
}

#[test]
fn follow_ups_change_the_command_before() {
    let set = |text: &str| {
        let slots =
            [("temperature", Value::Temperature(22.0)), ("zone", Value::Zone(Zone::DRIVER))];
        following(text, "org.example.climate/set-temperature", &slots)
    };
    assert_eq!(
        set("and the passenger side too"),
        "set-temperature(temperature=22,zone=row1-passenger)"
    );
    assert_eq!(set("what about the back?"), "set-temperature(temperature=22,zone=row2)");
    assert_eq!(set("the same for everyone"), "set-temperature(temperature=22,zone=all)");
    assert_eq!(set("make it 23"), "set-temperature(temperature=23,zone=row1-driver)");
    assert_eq!(set("again"), "set-temperature(temperature=22,zone=row1-driver)");
    assert_eq!(set("open the window"), "open-window()");
    assert_eq!(set("a bit more"), "-");
    assert_eq!(set("what about dinner"), "-");
    let change = |text: &str| {
        let slots = [("direction", Value::Text("warmer".into()))];
        following(text, "org.example.climate/change-temperature", &slots)
    };
    assert_eq!(change("a bit more"), "change-temperature(direction=warmer)");
    assert_eq!(change("less"), "change-temperature(direction=colder)");
    assert_eq!(change("too much"), "change-temperature(direction=colder)");
}

#[test]
fn questions_are_told_from_requests() {
    let all = understander();
    for (text, question) in [
        ("is the window open", true),
        ("are the doors locked", true),
        ("what's the temperature", true),
        ("how warm is it", true),
        ("do I have enough fuel", true),
        ("could you tell me if the window is open", true),
        ("tell me whether the boot is closed", true),
        ("can you open the window", false),
        ("would you open the window", false),
        ("open the window", false),
        ("how about opening the window", false),
        ("why don't you open the window", false),
        ("do something about the heat", false),
        ("will you open the window", false),
        ("is it possible to open the window", false),
        ("am I able to get some heat", false),
        ("status of the sunroof", true),
        ("check whether the fan is on", true),
        ("would you be able to inform me about the tyres", true),
        ("update me on the fuel", true),
        ("I want to know which side is warmer", true),
        ("remind me what the volume is", true),
        ("rear window heater on or off", true),
        ("have I locked the doors", true),
        ("have the doors locked", false),
        ("will I be able to get the roof open", false),
        ("could I have it warmer", false),
        ("remind me in ten minutes", false),
        ("I need to get some air", false),
    ] {
        assert_eq!(all.words.is_question(&Tokens::read(text)), question, "{text:?}");
    }
}

#[test]
fn nothing_understood_offers_the_nearest_example() {
    let all = understander();
    let understood = all.understand(&request("windows open would be lovely with a window"), None);
    assert!(understood.is_empty() && understood.encoder_missing);
    assert_eq!(understood.nearest.as_deref(), Some("Open the window"));
    assert_eq!(all.understand(&request("xyzzy"), None).nearest, None);
    let suggestions = all.suggestions(3);
    assert_eq!(suggestions.len(), 3);
}

#[test]
fn the_training_set_holds_samples_and_expansions_with_their_spans() {
    let all = understander();
    let set = all.training_set();
    let sample =
        set.examples.iter().find(|e| e.text.starts_with("can you get it")).expect("the sample");
    let span = sample.spans[1];
    assert_eq!(&sample.text[span.start as usize..span.end as usize], "my wife");
    assert_eq!(set.intents[sample.intent].slots[span.slot].name, "zone");
    assert!(set.examples.len() > 20);
    assert_eq!(all.fingerprint(), understander().fingerprint());
}

#[test]
fn every_expansion_is_understood_as_its_intent() {
    let all = understander();
    let set = all.training_set();
    for example in set.examples.iter().filter(|e| e.origin == crate::training::Origin::Template) {
        let understood = all.match_templates(&request(&example.text)).unwrap_or_default();
        let intents: Vec<&IntentId> = understood
            .commands
            .iter()
            .flat_map(|c| {
                std::iter::once(&c.best.intent).chain(c.alternatives.iter().map(|a| &a.intent))
            })
            .collect();
        assert!(
            intents.contains(&&set.intents[example.intent].id),
            "{:?} is {intents:?}",
            example.text
        );
    }
}

#[test]
fn an_unknown_language_is_refused() {
    assert!(Understander::build("xx", &[], &Vocabulary::new()).is_err());
}

proptest! {
    #[test]
    fn any_text_ends_and_spans_lie_within_it(
        words in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(vec!["open", "the", "window", "and", "set", "to", "22", "°C", "rear", "left", "then", ",", "navigate", "more", "again", "é", "i'm", "passenger", "side", "too", "yes", "no", "it", "close", "them", "wait", "make", "off"]).prop_map(str::to_owned),
                "\\PC{0,6}",
            ],
            0..40,
        )
    ) {
        let text = words.join(" ");
        let slots = vec![Slot::implied("zone", Value::Zone(Zone::All))];
        let intent = IntentId::parse("org.example.body/open-window").expect("an intent");
        let previous = Some(Previous { intent, slots, said: vec!["open the windows".to_owned()] });
        let understood = understander().understand(&Request { previous, ..request(&text) }, None);
        for command in &understood.commands {
            prop_assert!(command.start < command.end && text.get(command.start as usize..command.end as usize).is_some());
            for slot in command.best.slots.iter().filter(|slot| slot.start != slot.end) {
                let words = text.get(slot.start as usize..slot.end as usize);
                prop_assert_eq!(words, Some(slot.text.as_str()));
            }
        }
    }
}
