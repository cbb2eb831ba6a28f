//! Verdicts on normalisation.

use super::*;

fn norms(text: &str) -> String {
    Tokens::read(text).normal_text()
}

#[test]
fn words_come_to_one_form() {
    for (text, expected) in [
        ("Turn ON the A/C, please!", "turn on the ac"),
        ("I'm freezing", "i am freezing"),
        ("I’m freezing", "i am freezing"),
        ("don't", "do not"),
        ("can't stop", "can not stop"),
        ("what's the driver's side", "what is the drivers side"),
        ("whats up", "what is up"),
        ("set it to 22°C", "set it to 22 °c"),
        ("set it to 22 °", "set it to 22 °"),
        ("22c", "22 c"),
        ("30%", "30 %"),
        ("at 7:30pm", "at 7:30 pm"),
        ("at 7 a.m. sharp", "at 7 am sharp"),
        ("-3 degrees", "-3 degrees"),
        ("minus −3", "minus -3"),
        ("3-5", "3 5"),
        ("twenty-two", "twenty two"),
        ("1,000 metres", "1000 metres"),
        ("12,345,678", "12345678"),
        ("1,2", "1.2"),
        ("22,5", "22.5"),
        ("22, 5", "22 5"),
        ("1,2,3", "1.2 3"),
        ("3/4 hour", "3/4 hour"),
        ("2 1/2 hours", "2 1/2 hours"),
        ("24/7", "24 7"),
        ("1/2/2027", "1 2 2027"),
        ("2.5 hours.", "2.5 hours"),
        ("1h30", "1 h 30"),
        ("the 3rd of May", "the 3rd of may"),
        ("50 km/h", "50 kmh"),
        ("color of the center", "colour of the centre"),
        ("Café Zürich", "cafe zurich"),
        ("7 o'clock", "7 oclock"),
        ("uh open um the window", "open the window"),
        ("please", "please"),
        ("AC & heating", "ac and heating"),
        ("play mp3s on usb2", "play mp3s on usb2"),
        ("I'd like", "i would like"),
        ("we'll see", "we will see"),
        ("", ""),
        ("?!", ""),
    ] {
        assert_eq!(norms(text), expected, "{text:?}");
    }
}

#[test]
fn spans_point_into_the_text_as_it_came() {
    let tokens = Tokens::read("Set it to 22°C, I’m cold");
    let words: Vec<&str> = (0..tokens.len()).map(|i| tokens.words(i..i + 1)).collect();
    assert_eq!(words, ["Set", "it", "to", "22", "°C", "I", "’m", "cold"]);
    assert!(tokens.list()[5].break_before);
    assert_eq!(tokens.words(2..5), "to 22°C");
    assert_eq!(tokens.words(5..5), "");
}

#[test]
fn an_encoder_reads_what_was_said_and_every_byte_stays_where_it_is() {
    for (text, spoken, normal) in [
        ("Open it.", "Open it", "open it"),
        ("uh open um it please!", "   open    it please", "open it"),
        ("Hey Jarvis, open it", "          , open it", "open it"),
        ("okay valet um öffne it", "              öffne it", "offne it"),
        ("valet", "valet", "valet"),
        ("please", "please", "please"),
        ("is the computer on?", "is the computer on?", "is the computer on"),
    ] {
        let tokens = Tokens::heard(text, &WakeWords::default());
        assert_eq!((&*tokens.spoken(), tokens.normal_text().as_str()), (spoken, normal), "{text}");
        for token in tokens.list() {
            let span = token.start as usize..token.end as usize;
            assert_eq!(tokens.spoken()[span.clone()], text[span], "{text}");
        }
    }
}

#[test]
fn a_name_that_wakes_others_stays_a_name() {
    assert_eq!(norms("Alexa Smith"), "alexa smith");
    assert_eq!(
        Tokens::heard("call Alexa Smith", &WakeWords::default()).normal_text(),
        "call alexa smith"
    );
}

#[test]
fn words_that_sound_alike_are_other_readings() {
    let heard = Tokens::read("said it two four");
    let others: Vec<String> = heard.heard_otherwise().map(|t| t.normal_text()).collect();
    assert_eq!(others, ["set it two four", "said it to four", "said it two for"]);
    assert_eq!(Tokens::read("open the window").heard_otherwise().count(), 0);
}
