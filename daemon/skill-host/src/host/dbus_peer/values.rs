//! Values of peers between the contract and the daemon, and the bounds on what a guest hands over.
//!
//! Must not repair: a value past a bound is none.

use crate::bindings::valet::skill::dbus_peer as wit;
use valet_core::ports::peers::{
    MAX_PEER_ELEMENTS, MAX_PEER_TEXT_BYTES, MAX_PEER_VALUES, PeerBasic, PeerItem, PeerValue,
};

/// The arguments of a call; `None` where one is past a bound or a list is of several types.
pub(super) fn arguments(values: Vec<wit::PeerValue>) -> Option<Vec<PeerValue>> {
    if values.len() > MAX_PEER_VALUES {
        return None;
    }
    values.into_iter().map(value_from_wit).collect()
}

fn value_from_wit(value: wit::PeerValue) -> Option<PeerValue> {
    Some(match value {
        wit::PeerValue::Item(item) => PeerValue::Item(item_from_wit(item)?),
        wit::PeerValue::Dictionary(entries) => {
            if entries.len() > MAX_PEER_ELEMENTS {
                return None;
            }
            let entry = |(key, item): (String, wit::Item)| {
                Some((Some(key).filter(|key| is_text(key))?, item_from_wit(item)?))
            };
            PeerValue::Dictionary(entries.into_iter().map(entry).collect::<Option<_>>()?)
        }
    })
}

fn item_from_wit(item: wit::Item) -> Option<PeerItem> {
    match item {
        wit::Item::Basic(basic) => basic_from_wit(basic).map(PeerItem::Basic),
        wit::Item::Elements(all) => {
            let kind = all.first().map(std::mem::discriminant);
            let alike = all.iter().all(|one| Some(std::mem::discriminant(one)) == kind);
            if all.len() > MAX_PEER_ELEMENTS || !alike {
                return None;
            }
            all.into_iter().map(basic_from_wit).collect::<Option<_>>().map(PeerItem::List)
        }
    }
}

fn is_text(text: &str) -> bool {
    text.len() <= MAX_PEER_TEXT_BYTES && !text.contains('\0')
}

/// Elements of at least one of `[A-Za-z0-9_]` behind slashes, or the slash alone.
fn is_object_path(path: &str) -> bool {
    let element =
        |e: &str| !e.is_empty() && e.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    path == "/" || path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(element))
}

fn basic_from_wit(basic: wit::Basic) -> Option<PeerBasic> {
    Some(match basic {
        wit::Basic::Boolean(v) => PeerBasic::Boolean(v),
        wit::Basic::Byte(v) => PeerBasic::Byte(v),
        wit::Basic::Int16(v) => PeerBasic::Int16(v),
        wit::Basic::Uint16(v) => PeerBasic::Uint16(v),
        wit::Basic::Int32(v) => PeerBasic::Int32(v),
        wit::Basic::Uint32(v) => PeerBasic::Uint32(v),
        wit::Basic::Int64(v) => PeerBasic::Int64(v),
        wit::Basic::Uint64(v) => PeerBasic::Uint64(v),
        wit::Basic::Double(v) => PeerBasic::Double(v),
        wit::Basic::Text(v) => PeerBasic::Text(Some(v).filter(|v| is_text(v))?),
        wit::Basic::ObjectPath(v) => {
            PeerBasic::ObjectPath(Some(v).filter(|v| is_text(v) && is_object_path(v))?)
        }
    })
}

pub(super) fn value_to_wit(value: &PeerValue) -> wit::PeerValue {
    match value {
        PeerValue::Item(item) => wit::PeerValue::Item(item_to_wit(item)),
        PeerValue::Dictionary(entries) => wit::PeerValue::Dictionary(
            entries.iter().map(|(key, item)| (key.clone(), item_to_wit(item))).collect(),
        ),
    }
}

fn item_to_wit(item: &PeerItem) -> wit::Item {
    match item {
        PeerItem::Basic(basic) => wit::Item::Basic(basic_to_wit(basic)),
        PeerItem::List(all) => wit::Item::Elements(all.iter().map(basic_to_wit).collect()),
    }
}

fn basic_to_wit(basic: &PeerBasic) -> wit::Basic {
    match basic {
        PeerBasic::Boolean(v) => wit::Basic::Boolean(*v),
        PeerBasic::Byte(v) => wit::Basic::Byte(*v),
        PeerBasic::Int16(v) => wit::Basic::Int16(*v),
        PeerBasic::Uint16(v) => wit::Basic::Uint16(*v),
        PeerBasic::Int32(v) => wit::Basic::Int32(*v),
        PeerBasic::Uint32(v) => wit::Basic::Uint32(*v),
        PeerBasic::Int64(v) => wit::Basic::Int64(*v),
        PeerBasic::Uint64(v) => wit::Basic::Uint64(*v),
        PeerBasic::Double(v) => wit::Basic::Double(*v),
        PeerBasic::Text(v) => wit::Basic::Text(v.clone()),
        PeerBasic::ObjectPath(v) => wit::Basic::ObjectPath(v.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(basic: wit::Basic) -> wit::PeerValue {
        wit::PeerValue::Item(wit::Item::Basic(basic))
    }

    #[test]
    fn values_past_a_bound_and_mixed_lists_are_none() {
        let text = |text: &str| wit::Basic::Text(text.to_owned());
        let list = |all| wit::PeerValue::Item(wit::Item::Elements(all));
        for fine in [
            one(wit::Basic::Int64(-1)),
            one(wit::Basic::ObjectPath("/a/b_1".into())),
            list(vec![text("a"), text("b")]),
            list(Vec::new()),
            wit::PeerValue::Dictionary(vec![("k".into(), wit::Item::Basic(text("v")))]),
        ] {
            let there = arguments(vec![fine.clone()]).expect("within the bounds");
            assert_eq!(value_to_wit(&there[0]), fine, "there and back");
        }
        for bad in [
            one(text(&"a".repeat(MAX_PEER_TEXT_BYTES + 1))),
            one(text("a\0b")),
            one(wit::Basic::ObjectPath("a".into())),
            one(wit::Basic::ObjectPath("/a/".into())),
            list(vec![text("a"), wit::Basic::Byte(1)]),
            list(vec![wit::Basic::Byte(1); MAX_PEER_ELEMENTS + 1]),
        ] {
            assert_eq!(arguments(vec![bad.clone()]), None, "{bad:?}");
        }
        assert_eq!(arguments(vec![one(wit::Basic::Byte(1)); MAX_PEER_VALUES + 1]), None);
    }
}
