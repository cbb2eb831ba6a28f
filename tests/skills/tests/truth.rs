//! What the skills say where the car tells or does only a part: real skills, real dialogue, a car
//! with faults.

use valet_core::signal::SignalValue;
use valet_devices::Fault;
use valet_skills_tests::{
    Conversation,
    talking::{house, say, set, talk, written},
};

/// Nobody provides these signals any more.
fn silence(talk: &Conversation<'_>, pattern: &str) {
    let fault = Fault::parse("no-provider").unwrap_or_else(|e| panic!("{e}"));
    talk.house().car.simulator().set_fault(pattern, fault).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn a_door_that_does_not_tell_is_not_told_as_locked() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    assert_eq!(say(talk, "are the doors locked"), "All doors are locked.");
    silence(talk, "Vehicle.Cabin.Door.Row2.PassengerSide.IsLocked");
    assert_eq!(
        say(talk, "are the doors locked"),
        "The driver's, the front passenger's and the rear driver's side doors are locked. \
         The car does not tell me about the rear passenger's side door now."
    );
    silence(talk, "Vehicle.Cabin.Door.Row1.DriverSide.Window.Position");
    let said = say(talk, "are the windows closed");
    assert!(said.contains("does not tell me about the driver's window"), "{said}");
}

#[test]
fn one_door_that_does_not_answer_leaves_no_other_one_unlocked() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    for door in ["Row1.DriverSide", "Row1.PassengerSide", "Row2.DriverSide", "Row2.PassengerSide"] {
        let path = format!("Vehicle.Cabin.Door.{door}.IsLocked");
        set(talk, &path, SignalValue::Boolean(false));
    }
    silence(talk, "Vehicle.Cabin.Door.Row1.PassengerSide.IsLocked");
    let said = say(talk, "lock the doors");
    let written = written(talk);
    assert_eq!(written.iter().filter(|w| w.contains("IsLocked = true")).count(), 3, "{written:?}");
    assert!(said.starts_with("I cannot lock the front passenger's door"), "{said}");
}

#[test]
fn a_colour_keeps_its_brightness_and_an_unknown_one_changes_nothing() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    let said = say(talk, "set the ambient light to red at 40 percent");
    let all = written(talk);
    assert!(all.iter().any(|w| w.ends_with("Color = #ff0000")), "{said} {all:?}");
    assert_eq!(said, "The ambient light is red at 40 percent.");
    let said = say(talk, "make the ambient light chartreuse");
    assert_eq!(said, "I do not know chartreuse as a colour.");
    assert_eq!(written(talk), Vec::<String>::new());
}

#[test]
fn air_for_face_and_feet_is_asked_about_where_the_car_has_one_direction() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    let heard = talk.say("direct the air to my face and feet").expect("an end");
    assert!(heard.asks("choose"), "{}", heard.result.speech);
    assert_eq!(written(talk), Vec::<String>::new());
    say(talk, "the feet");
    let written = written(talk);
    assert!(written.iter().all(|w| w.ends_with("AirDistribution = DOWN")), "{written:?}");
    assert!(!written.is_empty());
}

#[test]
fn a_shade_that_is_closed_covers_the_glass_at_a_hundred() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    let said = say(talk, "close the rear shade");
    assert_eq!(written(talk), ["Vehicle.Cabin.RearShade.Position = 100"], "{said}");
    say(talk, "open the sunroof shade");
    assert_eq!(written(talk), ["Vehicle.Cabin.Sunroof.Shade.Position = 0"]);
}

#[test]
fn a_player_that_nobody_provides_is_words_and_no_fault() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    silence(talk, "Vehicle.Cabin.Infotainment.Media.**");
    for text in ["what is playing", "louder", "mute", "unmute", "what is the volume"] {
        assert!(!say(talk, text).is_empty(), "{text}");
    }
}

#[test]
fn a_charge_that_does_not_run_is_not_stopped() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    assert_eq!(say(talk, "stop charging"), "The battery is not charging.");
    assert_eq!(written(talk), Vec::<String>::new());
}

#[test]
fn a_tyre_and_a_brake_that_do_not_tell_are_no_all_clear() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    silence(talk, "Vehicle.Chassis.Axle.Row2.Wheel.Left.Tire.*");
    let said = say(talk, "are my tyres okay");
    assert!(said.contains("rear left tyre") && !said.contains("No tyre is low"), "{said}");
    let said = say(talk, "are there any warnings");
    assert!(said.contains("does not tell me about the tyres"), "{said}");
}

#[test]
fn somebody_who_looks_for_parking_is_not_sent_to_a_lawn() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    let said = say(talk, "where can I park");
    assert!(said.contains("car park"), "{said}");
}
