//! Verdicts on what devices are told, by what they announced.
//!
//! Must not reach a broker.

use super::*;

fn device(kind: &str, config: &str) -> Device {
    let topic = format!("homeassistant/{kind}/x/config");
    Device::announced(&topic, config.as_bytes()).unwrap_or_else(|why| panic!("{why}: {config}"))
}

/// Topic, payload, and what is waited for.
fn told(device: &Device, deed: Deed) -> (String, String, String) {
    let plan = device.plan(&deed).unwrap_or_else(|why| panic!("{why}"));
    let wanted = plan.wanted.map_or_else(String::new, |wanted| {
        let member = wanted.report.member.map(|m| format!(".{m}")).unwrap_or_default();
        format!("{}{member}={}", wanted.report.topic, wanted.any_of.join("|"))
    });
    (plan.topic, plan.payload, wanted)
}

fn are(got: (String, String, String), wanted: (&str, &str, &str)) {
    assert_eq!((got.0.as_str(), got.1.as_str(), got.2.as_str()), wanted);
}

#[test]
fn a_light_that_speaks_json_is_told_in_json() {
    let lamp = device(
        "light",
        r#"{"name":"Lamp","schema":"json","cmd_t":"z/lamp/set","stat_t":"z/lamp","brightness":true,
            "bri_scl":254,"sup_clrm":["xy"]}"#,
    );
    are(told(&lamp, Deed::On), ("z/lamp/set", r#"{"state":"ON"}"#, "z/lamp.state=ON"));
    are(
        told(&lamp, Deed::Brightness(50.0)),
        (
            "z/lamp/set",
            r#"{"state":"ON","brightness":127}"#,
            "z/lamp.brightness=127|126|128|125|129",
        ),
    );
    are(
        told(&lamp, Deed::Brightness(0.0)),
        ("z/lamp/set", r#"{"state":"OFF"}"#, "z/lamp.state=OFF"),
    );
    let red = told(&lamp, Deed::Colour("#ff0010".into()));
    are(red, ("z/lamp/set", r#"{"state":"ON","color":{"r":255,"g":0,"b":16}}"#, ""));
    assert!(lamp.plan(&Deed::Open).is_err());
}

#[test]
fn a_light_with_topics_of_its_own_is_told_on_them() {
    let lamp = device(
        "light",
        r#"{"~":"home/lamp","name":"Lamp","cmd_t":"~/set","stat_t":"~/state","pl_on":"1","pl_off":"0",
            "bri_cmd_t":"~/level/set","bri_stat_t":"~/level","bri_scl":100,"rgb_cmd_t":"~/rgb/set"}"#,
    );
    are(told(&lamp, Deed::Off), ("home/lamp/set", "0", "home/lamp/state=0"));
    are(
        told(&lamp, Deed::Brightness(1.0)),
        ("home/lamp/level/set", "1", "home/lamp/level=1|0|2|3"),
    );
    are(told(&lamp, Deed::Colour("#0a0b0c".into())), ("home/lamp/rgb/set", "10,11,12", ""));
    let plain = device("light", r#"{"name":"Lamp","cmd_t":"a/set"}"#);
    are(told(&plain, Deed::On), ("a/set", "ON", ""));
    assert_eq!(plain.plan(&Deed::Brightness(5.0)), Err("cannot be dimmed".into()));
    assert!(plain.plan(&Deed::Colour("#zzzzzz".into())).is_err());
    let own = device("light", r#"{"name":"Lamp","cmd_t":"a/set","schema":"template"}"#);
    assert!(own.plan(&Deed::On).is_err());
}

#[test]
fn a_blind_is_open_when_it_says_so_and_not_on_the_way() {
    let blind = device(
        "cover",
        r#"{"name":"Blind","cmd_t":"z/b/set","stat_t":"z/b","val_tpl":"{{ value_json.state }}","pos_t":"z/b",
            "pos_tpl":"{{ value_json.position }}","set_pos_t":"z/b/set",
            "set_pos_tpl":"{ \"position\": {{ position }} }"}"#,
    );
    are(told(&blind, Deed::Open), ("z/b/set", "OPEN", "z/b.state=open"));
    are(told(&blind, Deed::Halt), ("z/b/set", "STOP", "z/b.state=stopped"));
    let half = told(&blind, Deed::Position(40.0));
    are(half, ("z/b/set", r#"{ "position": 40 }"#, "z/b.position=40|39|41|38|42"));
    let turned = device(
        "cover",
        r#"{"name":"Blind","cmd_t":"b/set","pos_t":"b/at","pos_open":0,"pos_clsd":100,"pl_stop":null}"#,
    );
    are(told(&turned, Deed::Close), ("b/set", "CLOSE", "b/at=100"));
    assert_eq!(turned.percent_open(75.0), Some(25.0));
    assert!(turned.plan(&Deed::Halt).is_err(), "it says that it has no stop");
    assert_eq!(turned.plan(&Deed::Position(5.0)), Err("only opens and closes".into()));
}

#[test]
fn machines_are_told_what_they_understand() {
    let robot = device(
        "vacuum",
        r#"{"name":"Rosie","cmd_t":"v/cmd","stat_t":"v/state","sup_feat":["start","pause","return_home"]}"#,
    );
    are(told(&robot, Deed::Start), ("v/cmd", "start", "v/state.state=cleaning"));
    are(told(&robot, Deed::Stop), ("v/cmd", "pause", "v/state.state=paused"));
    are(told(&robot, Deed::Dock), ("v/cmd", "return_to_base", "v/state.state=docked|returning"));
    let oven = device(
        "climate",
        r#"{"name":"Oven","temp_cmd_t":"o/t/set","temp_stat_t":"o/t","max_temp":250,"min_temp":50,
            "mode_cmd_t":"o/m/set","mode_stat_t":"o/m","modes":["off","heat"]}"#,
    );
    are(told(&oven, Deed::Temperature(180.0)), ("o/t/set", "180", "o/t=180"));
    assert_eq!(oven.plan(&Deed::Temperature(400.0)), Err("goes from 50 to 250 degrees".into()));
    are(told(&oven, Deed::Off), ("o/m/set", "off", "o/m=off"));
    assert!(oven.plan(&Deed::On).is_err(), "only to a temperature");
    let heated = oven.plans(&Deed::Temperature(60.0)).expect("both");
    let order: Vec<&str> = heated.iter().map(|plan| plan.topic.as_str()).collect();
    assert_eq!(order, ["o/t/set", "o/m/set"], "first how hot, then the heat");
    let washer =
        device("switch", r#"{"name":"Washer","cmd_t":"w/set","stat_t":"w","stat_on":"running"}"#);
    are(told(&washer, Deed::Start), ("w/set", "ON", "w=running"));
    let button = device("button", r#"{"name":"Make coffee","cmd_t":"c/press"}"#);
    are(told(&button, Deed::Make), ("c/press", "PRESS", ""));
    assert!(button.plan(&Deed::Stop).is_err() && button.plan(&Deed::On).is_err());
}

#[test]
fn a_device_without_a_topic_to_speak_to_is_not_told_anything() {
    for kind in ["light", "switch", "cover", "vacuum", "button"] {
        let mute = device(kind, r#"{"name":"Oven","stat_t":"x"}"#);
        for deed in [Deed::On, Deed::Off, Deed::Open, Deed::Start, Deed::Stop, Deed::Make] {
            assert!(mute.plan(&deed).is_err(), "{kind} {deed:?}");
        }
    }
}
