//! Values between the wire and the daemon, within bounds.
//!
//! Must not guess: what is neither basic nor a list or dictionary of such is refused by its type.

use valet_core::ports::peers::{
    MAX_PEER_ELEMENTS, MAX_PEER_TEXT_BYTES, MAX_PEER_VALUES, PeerBasic, PeerItem, PeerValue,
};
use zbus::{Array, Dict, ObjectPath, Signature, Structure, Variant, wire::StructureBuilder};

/// What does not come through.
type Misfit = String;

fn basic_to_wire(basic: &PeerBasic) -> Result<Variant<'static>, Misfit> {
    Ok(match basic {
        PeerBasic::Boolean(v) => Variant::from(*v),
        PeerBasic::Byte(v) => Variant::from(*v),
        PeerBasic::Int16(v) => Variant::from(*v),
        PeerBasic::Uint16(v) => Variant::from(*v),
        PeerBasic::Int32(v) => Variant::from(*v),
        PeerBasic::Uint32(v) => Variant::from(*v),
        PeerBasic::Int64(v) => Variant::from(*v),
        PeerBasic::Uint64(v) => Variant::from(*v),
        PeerBasic::Double(v) => Variant::from(*v),
        PeerBasic::Text(v) => Variant::from(v.clone()),
        PeerBasic::ObjectPath(v) => {
            Variant::from(ObjectPath::try_from(v.clone()).map_err(|e| e.to_string())?)
        }
    })
}

fn item_to_wire(item: &PeerItem) -> Result<Variant<'static>, Misfit> {
    match item {
        PeerItem::Basic(basic) => basic_to_wire(basic),
        PeerItem::List(all) => {
            let all: Vec<Variant<'static>> =
                all.iter().map(basic_to_wire).collect::<Result<_, _>>()?;
            let texts = Signature::Str;
            let signature = all.first().map_or(&texts, |one| one.value_signature()).clone();
            let mut array = Array::new(&signature);
            for one in all {
                array.append(one).map_err(|e| e.to_string())?;
            }
            Ok(Variant::Array(array))
        }
    }
}

/// The arguments of a call as one structure; none for none.
pub(super) fn to_wire(arguments: &[PeerValue]) -> Result<Option<Structure<'static>>, Misfit> {
    if arguments.is_empty() {
        return Ok(None);
    }
    let mut body = StructureBuilder::new();
    for argument in arguments {
        let value = match argument {
            PeerValue::Item(item) => item_to_wire(item)?,
            PeerValue::Dictionary(entries) => {
                let mut dict = Dict::new(&Signature::Str, &Signature::Variant);
                for (key, item) in entries {
                    let value = Variant::Variant(Box::new(item_to_wire(item)?));
                    dict.append(Variant::from(key.clone()), value).map_err(|e| e.to_string())?;
                }
                Variant::Dict(dict)
            }
        };
        body.push_value(value);
    }
    body.build().map(Some).map_err(|e| e.to_string())
}

fn text(text: &str) -> Result<String, Misfit> {
    if text.len() > MAX_PEER_TEXT_BYTES {
        return Err(format!("a text of {} bytes", text.len()));
    }
    Ok(text.to_owned())
}

fn basic_from_wire(value: &Variant<'_>) -> Result<Option<PeerBasic>, Misfit> {
    Ok(Some(match value {
        Variant::Bool(v) => PeerBasic::Boolean(*v),
        Variant::U8(v) => PeerBasic::Byte(*v),
        Variant::I16(v) => PeerBasic::Int16(*v),
        Variant::U16(v) => PeerBasic::Uint16(*v),
        Variant::I32(v) => PeerBasic::Int32(*v),
        Variant::U32(v) => PeerBasic::Uint32(*v),
        Variant::I64(v) => PeerBasic::Int64(*v),
        Variant::U64(v) => PeerBasic::Uint64(*v),
        Variant::F64(v) => PeerBasic::Double(*v),
        Variant::Str(v) => PeerBasic::Text(text(v.as_str())?),
        Variant::ObjectPath(v) => PeerBasic::ObjectPath(text(v.as_str())?),
        _ => return Ok(None),
    }))
}

fn bare<'v, 'a>(value: &'v Variant<'a>) -> &'v Variant<'a> {
    match value {
        Variant::Variant(inner) => inner,
        other => other,
    }
}

fn item_from_wire(value: &Variant<'_>) -> Result<PeerItem, Misfit> {
    let value = bare(value);
    if let Some(basic) = basic_from_wire(value)? {
        return Ok(PeerItem::Basic(basic));
    }
    let Variant::Array(array) = value else {
        return Err(format!("a value of type {}", value.value_signature()));
    };
    if array.len() > MAX_PEER_ELEMENTS {
        return Err(format!("a list of {} elements", array.len()));
    }
    let element = |one: &Variant<'_>| {
        let basic = basic_from_wire(bare(one))?;
        basic.ok_or_else(|| format!("a list of type {}", value.value_signature()))
    };
    Ok(PeerItem::List(array.inner().iter().map(element).collect::<Result<_, _>>()?))
}

/// A value that came. Of a dictionary, entries that do not come through are left out.
pub(super) fn from_wire(value: &Variant<'_>) -> Result<PeerValue, Misfit> {
    let value = bare(value);
    let Variant::Dict(dict) = value else {
        return item_from_wire(value).map(PeerValue::Item);
    };
    let mut entries = Vec::new();
    for (key, item) in dict.iter().take(MAX_PEER_ELEMENTS) {
        let Variant::Str(key) = key else {
            return Err(format!("a dictionary of type {}", value.value_signature()));
        };
        if let (Ok(key), Ok(item)) = (text(key.as_str()), item_from_wire(item)) {
            entries.push((key, item));
        }
    }
    Ok(PeerValue::Dictionary(entries))
}

/// All values of an answer.
pub(super) fn all_from_wire(body: &Structure<'_>) -> Result<Vec<PeerValue>, Misfit> {
    let fields = body.fields();
    if fields.len() > MAX_PEER_VALUES {
        return Err(format!("{} values", fields.len()));
    }
    fields.iter().map(from_wire).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_there_and_back() {
        let text = |t: &str| PeerBasic::Text(t.to_owned());
        let all = vec![
            PeerValue::Item(PeerItem::Basic(PeerBasic::Int64(-5))),
            PeerValue::Item(PeerItem::Basic(PeerBasic::ObjectPath("/a/b".into()))),
            PeerValue::Item(PeerItem::List(vec![text("a"), text("b")])),
            PeerValue::Item(PeerItem::List(Vec::new())),
            PeerValue::Dictionary(vec![
                ("k".into(), PeerItem::Basic(PeerBasic::Double(0.5))),
                ("l".into(), PeerItem::List(vec![text("c")])),
            ]),
        ];
        let wire = to_wire(&all).expect("goes out").expect("there are some");
        assert_eq!(wire.signature().to_string(), "(xoasasa{sv})");
        assert_eq!(all_from_wire(&wire), Ok(all));
    }

    #[test]
    fn what_is_nested_or_too_large_does_not_come_through() {
        let nested = Variant::from(vec![vec![1_i32]]);
        assert!(from_wire(&nested).expect_err("nested").contains("aai"));
        assert!(from_wire(&Variant::from("a".repeat(MAX_PEER_TEXT_BYTES + 1))).is_err());
        assert!(from_wire(&Variant::from(vec![1_u8; MAX_PEER_ELEMENTS + 1])).is_err());
        let within = |value| Variant::Variant(Box::new(value));
        // As a property comes whose own type is a variant.
        assert!(from_wire(&within(within(Variant::from(1_u8)))).is_ok());
        assert!(from_wire(&within(within(within(Variant::from(1_u8))))).is_err());
    }
}
