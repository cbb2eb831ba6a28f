//! What the simulated vehicle holds, and how a write spreads through it.
//!
//! Must not lock, wait or read a clock; every call is told the time.

use super::Fault;
use crate::{
    behaviour::{Drive, DriveAct, Index, View},
    catalogue::Catalogue,
    cycle::Cycle,
    motion::{Motion, shown},
    playlist::Item,
    values,
    world::{World, WorldSignal, WorldValue},
};
use std::{collections::BTreeMap, time::Duration};
use valet_core::signal::{SignalInfo, SignalValue};

/// How much slower a slow signal is.
const SLOWNESS: u32 = 10;
/// Step of a wait for a value that the world works out; only sensors are such.
const WORLD_STEP: Duration = Duration::from_millis(100);

const ACTION: &str = "Vehicle.Cabin.Infotainment.Media.Action";
const SOURCE: &str = "Vehicle.Cabin.Infotainment.Media.Played.Source";
const TANK: &str = "Vehicle.Powertrain.FuelSystem.TankCapacity";
const CHARGE_LIMIT: &str = "Vehicle.Powertrain.TractionBattery.Charging.ChargeLimit";
const START_STOP: &str = "Vehicle.Powertrain.TractionBattery.Charging.StartStopCharging";
const CABLE: &str =
    "Vehicle.Powertrain.TractionBattery.Charging.ChargingPort.AnyPosition.IsChargingCableConnected";

/// What a media sensor shows of the item that plays.
const MEDIA: [(&str, Field); 5] = [
    ("Vehicle.Cabin.Infotainment.Media.Played.Track", |item| Some(&item.track)),
    ("Vehicle.Cabin.Infotainment.Media.Played.Artist", |item| item.artist.as_ref()),
    ("Vehicle.Cabin.Infotainment.Media.Played.Album", |item| item.album.as_ref()),
    ("Vehicle.Cabin.Infotainment.Media.Played.Genre", |item| item.genre.as_ref()),
    ("Vehicle.Cabin.Infotainment.Media.Played.URI", |item| item.uri.as_ref()),
];

type Field = fn(&Item) -> Option<&String>;

/// Where a signal's value comes from.
#[derive(Clone, Copy)]
enum Origin {
    /// Its own motion.
    Own,
    /// Another signal.
    View(View),
    /// The vehicle as a whole.
    World(WorldSignal),
    /// The item that plays.
    Media(Field),
}

struct Cell {
    origin: Origin,
    motion: Motion,
    fault: Fault,
}

/// Everything that changes.
pub(super) struct State {
    cells: Vec<Cell>,
    world: World,
    /// Forced values of signals that have no motion of their own.
    forced: BTreeMap<Index, SignalValue>,
    /// Steps taken in each source's playlist.
    positions: BTreeMap<String, i64>,
    /// What the playing item depends on.
    media: [Option<Index>; 2],
}

impl State {
    /// The initial values of a catalogue.
    pub(super) fn new(catalogue: &Catalogue, now: Duration) -> Self {
        let mut world = World::new(catalogue.energy, now);
        let cells = catalogue
            .entries
            .iter()
            .map(|entry| {
                let origin = origin_of(entry.path.as_str(), entry.behaviour.view);
                let initial = entry.behaviour.initial.clone();
                if let (Origin::World(signal), Some(number)) =
                    (origin, initial.as_ref().and_then(SignalValue::as_number))
                {
                    world.set(signal, number, now);
                }
                let motion = match (initial, entry.behaviour.heads_for, entry.behaviour.rate) {
                    (Some(initial), Some(to), Some(rate)) if initial.as_number().is_some() => {
                        let from = initial.as_number().unwrap_or(to);
                        Motion::Ramp { from, to, starts: now, rate }
                    }
                    (Some(initial), _, _) => Motion::Held(initial),
                    (None, _, _) => Motion::Unknown,
                };
                Cell { origin, motion, fault: Fault::None }
            })
            .collect();
        let mut state = Self {
            cells,
            world,
            forced: BTreeMap::new(),
            positions: BTreeMap::new(),
            media: [ACTION, SOURCE].map(|path| catalogue.index(path)),
        };
        state.settle(catalogue, now);
        state
    }

    /// What is wrong with a signal.
    pub(super) fn fault(&self, index: Index) -> Fault {
        self.cells[index].fault
    }

    /// All that are broken.
    pub(super) fn faults(&self) -> Vec<(Index, Fault)> {
        let all = self.cells.iter().enumerate().map(|(i, cell)| (i, cell.fault));
        all.filter(|(_, fault)| *fault != Fault::None).collect()
    }

    /// The current value.
    pub(super) fn read(
        &self,
        catalogue: &Catalogue,
        index: Index,
        now: Duration,
    ) -> Option<SignalValue> {
        if let Some(forced) = self.forced.get(&index) {
            return Some(forced.clone());
        }
        let info = &catalogue.entries[index].info;
        match self.cells[index].origin {
            Origin::Own => self.cells[index].motion.at(info, now),
            Origin::View(view) => self.view(catalogue, view, now),
            Origin::World(signal) => self.world.at(signal, now).map(|value| match value {
                WorldValue::Flag(flag) => SignalValue::Boolean(flag),
                WorldValue::Number(number) => shown(info, clamp(info, number)),
            }),
            Origin::Media(field) => {
                let item = self.playing(catalogue, now)?;
                field(item).map(|text| SignalValue::Text(text.clone()))
            }
        }
    }

    /// What the value is on its way to; none at rest, and for what only the world moves.
    pub(super) fn target(
        &self,
        catalogue: &Catalogue,
        index: Index,
        now: Duration,
    ) -> Option<SignalValue> {
        if self.forced.contains_key(&index) {
            return None;
        }
        let heading = match self.cells[index].origin {
            Origin::Own => self.cells[index].motion.heads_for(&catalogue.entries[index].info)?,
            Origin::View(view) => shown_by(view, self.target(catalogue, view.source(), now)?)?,
            Origin::World(_) | Origin::Media(_) => return None,
        };
        (self.read(catalogue, index, now).as_ref() != Some(&heading)).then_some(heading)
    }

    /// How long until the value can be `wanted` if nobody interferes.
    pub(super) fn until(
        &self,
        catalogue: &Catalogue,
        index: Index,
        wanted: &SignalValue,
        now: Duration,
    ) -> Option<Duration> {
        if self.forced.contains_key(&index) {
            return None;
        }
        let cell = &self.cells[index];
        match cell.origin {
            Origin::Own => cell.motion.until(&catalogue.entries[index].info, wanted, now),
            Origin::World(_) | Origin::Media(_) => Some(WORLD_STEP),
            Origin::View(View::Same { of }) => self.until(catalogue, of, wanted, now),
            Origin::View(View::Count { .. }) => None,
            Origin::View(view) => self.until_crossed(catalogue, view, wanted, now),
        }
    }

    /// When a bound is crossed: its source moves one way only, so halving finds it.
    fn until_crossed(
        &self,
        catalogue: &Catalogue,
        view: View,
        wanted: &SignalValue,
        now: Duration,
    ) -> Option<Duration> {
        let source = &self.cells[view.source()];
        if !matches!(source.origin, Origin::Own) {
            return Some(WORLD_STEP);
        }
        let as_wanted = |at| self.view(catalogue, view, at).as_ref() == Some(wanted);
        let (mut before, mut after) = (now, source.motion.ends()?);
        if after <= now || !as_wanted(after) {
            return None;
        }
        while after - before > Duration::from_millis(1) {
            let middle = before + (after - before) / 2;
            if as_wanted(middle) {
                after = middle;
            } else {
                before = middle;
            }
        }
        Some(after - now)
    }

    /// Takes a target that fits; it spreads to what the signal drives.
    pub(super) fn request(
        &mut self,
        catalogue: &Catalogue,
        index: Index,
        value: &SignalValue,
        now: Duration,
    ) {
        self.world.anchor(now);
        self.request_all(catalogue, index, value, now);
        self.settle(catalogue, now);
    }

    fn request_all(
        &mut self,
        catalogue: &Catalogue,
        index: Index,
        value: &SignalValue,
        now: Duration,
    ) {
        if matches!(self.cells[index].fault, Fault::Stuck | Fault::NoProvider) {
            return;
        }
        self.unforce(index);
        if matches!(self.cells[index].origin, Origin::Own) {
            if catalogue.entries[index].path.as_str() == ACTION {
                self.skip(catalogue, value, now);
            }
            self.cells[index].motion = self.motion_to(catalogue, index, value, now);
        }
        for drive in driven(catalogue, index, value) {
            match &drive.act {
                DriveAct::To(to) => self.request_all(catalogue, drive.signal, to, now),
                DriveAct::Along => self.request_along(catalogue, drive.signal, value, now),
                DriveAct::Stop => self.freeze(catalogue, drive.signal, now),
            }
        }
    }

    fn request_along(
        &mut self,
        catalogue: &Catalogue,
        index: Index,
        value: &SignalValue,
        now: Duration,
    ) {
        if let Ok(value) = values::fit(&catalogue.entries[index].info, value) {
            self.request_all(catalogue, index, &value, now);
        }
    }

    /// Makes the world so.
    pub(super) fn force(
        &mut self,
        catalogue: &Catalogue,
        index: Index,
        value: &SignalValue,
        now: Duration,
    ) {
        self.world.anchor(now);
        self.force_all(catalogue, index, value, now);
        self.settle(catalogue, now);
    }

    fn force_all(
        &mut self,
        catalogue: &Catalogue,
        index: Index,
        value: &SignalValue,
        now: Duration,
    ) {
        self.forced.remove(&index);
        self.unforce(index);
        for drive in driven(catalogue, index, value) {
            match &drive.act {
                DriveAct::To(to) => self.force_all(catalogue, drive.signal, to, now),
                DriveAct::Along => self.request_along(catalogue, drive.signal, value, now),
                DriveAct::Stop => self.freeze(catalogue, drive.signal, now),
            }
        }
        match (self.cells[index].origin, value.as_number()) {
            (Origin::Own, _) => {
                self.cells[index].motion = Motion::Held(value.clone());
                return;
            }
            (Origin::World(signal), Some(number)) => {
                let set = self.world.set(signal, number, now);
                self.unforce_world();
                if set {
                    return;
                }
            }
            _ => {}
        }
        if self.read(catalogue, index, now).is_none_or(|seen| !value.matches(&seen)) {
            self.forced.insert(index, value.clone());
        }
    }

    /// Breaks or mends signals.
    pub(super) fn set_faults(
        &mut self,
        catalogue: &Catalogue,
        indexes: &[Index],
        fault: Fault,
        now: Duration,
    ) {
        self.world.anchor(now);
        for &index in indexes {
            let before = std::mem::replace(&mut self.cells[index].fault, fault);
            let is_own = matches!(self.cells[index].origin, Origin::Own);
            match (before, fault, is_own) {
                (_, Fault::Stuck, true) => self.freeze(catalogue, index, now),
                (_, Fault::Stuck, false) => {
                    if let Some(value) = self.read(catalogue, index, now) {
                        self.forced.insert(index, value);
                    }
                }
                (Fault::Stuck, _, false) => drop(self.forced.remove(&index)),
                (_, _, true) => self.change_pace(catalogue, index, now),
                _ => {}
            }
        }
        self.settle(catalogue, now);
    }

    /// Starts a cycle.
    pub(super) fn drive(&mut self, catalogue: &Catalogue, cycle: Cycle, now: Duration) {
        self.world.anchor(now);
        self.world.drive(cycle, now);
        self.unforce_world();
        self.settle(catalogue, now);
    }

    fn view(&self, catalogue: &Catalogue, view: View, now: Duration) -> Option<SignalValue> {
        shown_by(view, self.read(catalogue, view.source(), now)?)
    }

    /// A signal that was changed no longer holds forced values that are derived from it.
    fn unforce(&mut self, source: Index) {
        let (cells, media) = (&self.cells, self.media);
        self.forced.retain(|i, _| {
            let derived = match cells[*i].origin {
                Origin::View(view) => *i == source || view.source() == source,
                Origin::Media(_) => *i == source || media.contains(&Some(source)),
                Origin::Own | Origin::World(_) => false,
            };
            !derived || cells[*i].fault == Fault::Stuck
        });
    }

    /// A world that changed explicitly no longer holds forced values of its own.
    fn unforce_world(&mut self) {
        let cells = &self.cells;
        self.forced.retain(|i, _| {
            !matches!(cells[*i].origin, Origin::World(_)) || cells[*i].fault == Fault::Stuck
        });
    }

    fn motion_to(
        &self,
        catalogue: &Catalogue,
        index: Index,
        value: &SignalValue,
        now: Duration,
    ) -> Motion {
        let entry = &catalogue.entries[index];
        let behaviour = &entry.behaviour;
        let slowness = self.slowness(index);
        let starts = now + behaviour.delay * slowness;
        let before = self.cells[index].motion.at(&entry.info, now);
        let numbers = before.as_ref().and_then(SignalValue::as_number).zip(value.as_number());
        if let (Some((from, to)), Some(rate)) = (numbers, behaviour.rate) {
            return Motion::Ramp { from, to, starts, rate: rate / f64::from(slowness) };
        }
        let lasts = !entry.info.is_momentary(value);
        if lasts && starts == now {
            return Motion::Held(value.clone());
        }
        let until = starts + behaviour.momentary_for * slowness;
        let resting = match &self.cells[index].motion {
            // A second skip within the first comes back to what was before both.
            Motion::Steps { back: Some((value, _)), .. } => Some(value.clone()),
            _ => before.clone(),
        };
        let back = resting.filter(|_| !lasts).map(|value| (value, until));
        Motion::Steps { before, after: value.clone(), at: starts, back }
    }

    fn slowness(&self, index: Index) -> u32 {
        if self.cells[index].fault == Fault::Slow { SLOWNESS } else { 1 }
    }

    /// Stays where it is.
    fn freeze(&mut self, catalogue: &Catalogue, index: Index, now: Duration) {
        self.cells[index].motion =
            match self.cells[index].motion.at(&catalogue.entries[index].info, now) {
                Some(value) => Motion::Held(value),
                None => Motion::Unknown,
            };
    }

    /// A ramp under way goes on at the pace that its fault allows.
    fn change_pace(&mut self, catalogue: &Catalogue, index: Index, now: Duration) {
        let entry = &catalogue.entries[index];
        let slowness = f64::from(self.slowness(index));
        let cell = &mut self.cells[index];
        let current = cell.motion.at(&entry.info, now).and_then(|value| value.as_number());
        if let (Motion::Ramp { from, starts, rate, .. }, Some(current), Some(full)) =
            (&mut cell.motion, current, entry.behaviour.rate)
        {
            *from = current;
            *starts = now.max(*starts);
            *rate = full / slowness;
        }
    }

    /// A skip moves on in the playlist of the source that plays.
    fn skip(&mut self, catalogue: &Catalogue, action: &SignalValue, now: Duration) {
        let step = match action {
            SignalValue::Text(text) if text == "SKIP_FORWARD" => 1,
            SignalValue::Text(text) if text == "SKIP_BACKWARD" => -1,
            _ => return,
        };
        if let Some(source) = self.source(catalogue, now) {
            let position = self.positions.entry(source).or_default();
            *position = position.wrapping_add(step);
        }
    }

    fn source(&self, catalogue: &Catalogue, now: Duration) -> Option<String> {
        match self.read(catalogue, catalogue.index(SOURCE)?, now)? {
            SignalValue::Text(source) => Some(source),
            _ => None,
        }
    }

    fn playing<'c>(&self, catalogue: &'c Catalogue, now: Duration) -> Option<&'c Item> {
        let source = self.source(catalogue, now)?;
        let position = self.positions.get(&source).copied().unwrap_or(0);
        catalogue.playlists.get(&source).map(|list| list.item(position))
    }

    /// Works out again what the world depends on: tank, limit, whether it charges.
    fn settle(&mut self, catalogue: &Catalogue, now: Duration) {
        let read = |path: &str| self.read(catalogue, catalogue.index(path)?, now);
        let tank = read(TANK).and_then(|value| value.as_number());
        let limit = read(CHARGE_LIMIT).and_then(|value| value.as_number());
        let cable = read(CABLE) == Some(SignalValue::Boolean(true));
        let start = catalogue
            .index(START_STOP)
            .and_then(|i| self.cells[i].motion.settles())
            .filter(|(value, _)| *value == SignalValue::Text("START".to_owned()));
        self.world.tank_l = tank;
        self.world.charge_limit = limit.unwrap_or(100.0);
        let may = cable && !self.world.is_driving();
        self.world.charging_from = start.filter(|_| may).map(|(_, at)| at);
    }
}

fn origin_of(path: &str, view: Option<View>) -> Origin {
    let world = WorldSignal::ALL.iter().find(|(_, name)| *name == path);
    let media = MEDIA.iter().find(|(name, _)| *name == path);
    match (view, world, media) {
        (Some(view), _, _) => Origin::View(view),
        (None, Some((signal, _)), _) => Origin::World(*signal),
        (None, None, Some((_, field))) => Origin::Media(*field),
        (None, None, None) => Origin::Own,
    }
}

/// What a derived signal shows of its source's value.
fn shown_by(view: View, source: SignalValue) -> Option<SignalValue> {
    match view {
        View::Above { than, .. } => source.as_number().map(|n| SignalValue::Boolean(n > than)),
        View::Below { than, .. } => source.as_number().map(|n| SignalValue::Boolean(n < than)),
        View::Same { .. } => Some(source),
        View::Count { .. } => match source {
            SignalValue::Texts(list) => i64::try_from(list.len()).ok().map(SignalValue::Integer),
            _ => None,
        },
    }
}

/// What a value of a signal drives.
fn driven<'c>(
    catalogue: &'c Catalogue,
    index: Index,
    value: &'c SignalValue,
) -> impl Iterator<Item = &'c Drive> {
    catalogue.entries[index]
        .behaviour
        .drives
        .iter()
        .filter(move |drive| drive.when.as_ref().is_none_or(|when| when.matches(value)))
}

fn clamp(info: &SignalInfo, number: f64) -> f64 {
    number.max(info.min.unwrap_or(f64::NEG_INFINITY)).min(info.max.unwrap_or(f64::INFINITY))
}
