//! Which device is meant by what was said: by its name, its room, what it is.
//!
//! Must not guess: of several that fit, a person chooses, unless several are meant.

use crate::{
    device::{Device, Family, Sort},
    plan::Deed,
    words,
};

/// Most devices that one sentence acts on.
pub(crate) const MAX_AT_ONCE: usize = 16;

/// What was said of a device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) family: Family,
    /// The value of the slot; none where only a room was named.
    pub(crate) name: Option<&'a str>,
    pub(crate) room: Option<&'a str>,
}

/// What that means here.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// These, at least one.
    These(Vec<&'a Device>),
    /// One of these, at least two.
    Choose(Vec<&'a Device>),
    /// None; what there is instead.
    None(Vec<&'a Device>),
}

impl Said<'_> {
    /// As a person would name it.
    pub(crate) fn shown(&self) -> String {
        let name = self.name.unwrap_or("light");
        match self.room {
            Some(room) => format!("{name} in {}", words::the(room)),
            None => name.to_owned(),
        }
    }

    /// The devices that are meant, of those that can do the deed where there are such.
    pub(crate) fn find<'a>(&self, all: &'a [Device], deed: Option<&Deed>) -> Found<'a> {
        let family: Vec<&Device> =
            all.iter().filter(|device| device.family() == Some(self.family)).collect();
        let by_label = |device: &&&Device| {
            self.name.is_some_and(|name| name.eq_ignore_ascii_case(&device.label))
        };
        if let Some(chosen) = family.iter().find(by_label)
            && self.is_there(chosen)
            && self.named_alike(&family) == 1
        {
            return Found::These(vec![chosen]);
        }
        let fitting: Vec<&Device> =
            family.iter().copied().filter(|device| self.fits(device)).collect();
        let fitting = self.closest(able(fitting, deed));
        match fitting.len() {
            0 => Found::None(family),
            1 => Found::These(fitting),
            _ if self.means_several() => Found::These(fitting),
            _ => Found::Choose(fitting),
        }
    }

    /// Of how many devices this is the whole name.
    fn named_alike(&self, family: &[&Device]) -> usize {
        let name = self.name.unwrap_or_default();
        let same = |device: &&&Device| {
            let names = [&device.name, &device.label];
            names.iter().any(|one| name.eq_ignore_ascii_case(one))
        };
        family.iter().filter(same).count()
    }

    fn is_there(&self, device: &Device) -> bool {
        let words = device.words();
        self.room.is_none_or(|room| words::words(room).iter().all(|word| words.contains(word)))
    }

    fn fits(&self, device: &Device) -> bool {
        let said = words::words(self.name.unwrap_or_default());
        let its = device.words();
        let sort = Sort::of(&said);
        if self.family == Family::Machine && sort.is_some() {
            return self.is_there(device) && device.sort() == sort;
        }
        let means_any = |word: &String| match self.family {
            Family::Light => words::is_lamp(word),
            Family::Cover => words::is_cover(word),
            Family::Machine => false,
        };
        self.is_there(device) && said.iter().all(|word| means_any(word) || its.contains(word))
    }

    /// Those that have all the words said, where some have: curtains before blinds.
    fn closest<'a>(&self, fitting: Vec<&'a Device>) -> Vec<&'a Device> {
        let said = words::words(self.name.unwrap_or_default());
        // Lamps and lights are the same to people, and a machine is of its sort or not.
        if self.family != Family::Cover {
            return fitting;
        }
        let has_all = |device: &&&Device| {
            let its = device.words();
            said.iter().all(|word| its.contains(word))
        };
        let closest: Vec<&Device> = fitting.iter().filter(has_all).copied().collect();
        if closest.is_empty() { fitting } else { closest }
    }

    fn means_several(&self) -> bool {
        match (self.family, self.name) {
            // What hangs before windows is one thing to people.
            (Family::Cover, _) | (Family::Light, None) => true,
            (Family::Light, Some(name)) => words::is_several(name),
            (Family::Machine, _) => false,
        }
    }
}

fn able<'a>(fitting: Vec<&'a Device>, deed: Option<&Deed>) -> Vec<&'a Device> {
    let Some(deed) = deed else { return fitting };
    let able: Vec<&Device> =
        fitting.iter().filter(|device| device.plan(deed).is_ok()).copied().collect();
    if able.is_empty() { fitting } else { able }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home;

    fn home() -> Vec<Device> {
        let devices = [
            ("light", r#"{"name":"Kitchen lamp","cmd_t":"a/set"}"#),
            ("light", r#"{"name":"Ceiling","cmd_t":"b/set","dev":{"sa":"Living room"}}"#),
            ("light", r#"{"name":"Reading corner","cmd_t":"c/set","dev":{"sa":"Living room"}}"#),
            ("light", r#"{"name":"Bedside","cmd_t":"d/set","dev":{"sa":"Bedroom"}}"#),
            ("light", r#"{"name":"Bedside","cmd_t":"e/set","dev":{"sa":"Guest room"}}"#),
            ("cover", r#"{"name":"Bedroom blind","cmd_t":"f/set"}"#),
            ("cover", r#"{"name":"Bedroom curtain","cmd_t":"g/set"}"#),
            ("switch", r#"{"name":"Coffee machine","cmd_t":"h/set"}"#),
            ("button", r#"{"name":"Coffee machine brew","cmd_t":"i/set"}"#),
            ("switch", r#"{"name":"Fountain","cmd_t":"j/set"}"#),
        ];
        home::distinct(
            devices
                .iter()
                .map(|(kind, config)| {
                    let topic = format!("homeassistant/{kind}/x/config");
                    Device::announced(&topic, config.as_bytes()).expect("a device")
                })
                .collect(),
        )
    }

    fn found(said: (Family, Option<&str>, Option<&str>), deed: Deed) -> String {
        let home = home();
        let (family, name, room) = said;
        let labels =
            |all: Vec<&Device>| all.iter().map(|d| d.label.as_str()).collect::<Vec<_>>().join(", ");
        match (Said { family, name, room }).find(&home, Some(&deed)) {
            Found::These(all) => labels(all),
            Found::Choose(all) => format!("one of {}", labels(all)),
            Found::None(all) => format!("none of {}", all.len()),
        }
    }

    #[test]
    fn a_lamp_is_found_by_name_and_by_room() {
        let light = |name, room| found((Family::Light, name, room), Deed::On);
        assert_eq!(light(Some("Kitchen lamp"), None), "Kitchen lamp");
        assert_eq!(light(Some("light"), Some("kitchen")), "Kitchen lamp");
        assert_eq!(light(Some("kitchen light"), None), "Kitchen lamp");
        assert_eq!(light(Some("lights"), Some("living room")), "Ceiling, Reading corner");
        assert_eq!(light(None, Some("living room")), "Ceiling, Reading corner");
        assert_eq!(light(Some("light"), Some("living room")), "one of Ceiling, Reading corner");
        assert_eq!(light(Some("lights"), Some("attic")), "none of 5");
        assert_eq!(light(Some("garden lamp"), None), "none of 5");
        assert_eq!(light(Some("lights"), None).split(", ").count(), 5);
    }

    #[test]
    fn of_two_with_one_name_a_person_chooses_and_the_choice_is_one() {
        let light = |name, room| found((Family::Light, name, room), Deed::On);
        let both = "Bedside in the Bedroom, Bedside in the Guest room";
        assert_eq!(light(Some("Bedside"), None), format!("one of {both}"));
        assert_eq!(light(Some("Bedside in the Guest room"), None), "Bedside in the Guest room");
        assert_eq!(light(Some("Bedside"), Some("bedroom")), "Bedside in the Bedroom");
    }

    #[test]
    fn what_hangs_before_windows_is_named_by_what_it_is() {
        let cover = |name, room| found((Family::Cover, name, room), Deed::Open);
        assert_eq!(cover(Some("curtains"), None), "Bedroom curtain");
        assert_eq!(cover(Some("shutters"), Some("bedroom")), "Bedroom blind, Bedroom curtain");
        assert_eq!(cover(Some("blinds"), Some("kitchen")), "none of 2");
    }

    #[test]
    fn of_the_parts_of_a_machine_the_one_that_can_do_it_is_meant() {
        let machine = |name, deed| found((Family::Machine, Some(name), None), deed);
        assert_eq!(machine("coffee machine", Deed::On), "Coffee machine");
        assert_eq!(machine("coffee maker", Deed::Off), "Coffee machine");
        assert_eq!(machine("fountain", Deed::On), "Fountain");
        assert_eq!(machine("vacuum", Deed::Start), "none of 3");
    }
}
