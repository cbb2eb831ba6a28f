//! Which addresses a name may lead to: those of everybody, and of the local network or this device itself only
//! where the device's configuration says so of that name.
//!
//! Whatever can be read as an address of version 4 is judged as that one, and what nobody has any business with is
//! refused whoever asks. Must not look anything up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far a name may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// To addresses of everybody.
    Public,
    /// To addresses of everybody and of the local network.
    Private,
    /// To this device only.
    Loopback,
}

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    Private,
    Loopback,
    Never(&'static str),
}

/// Whether a name with that reach may lead to an address.
///
/// # Errors
/// What is wrong with the address.
pub(super) fn judge(address: IpAddr, reach: Reach) -> Result<(), &'static str> {
    let kind = match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    };
    match (kind, reach) {
        (Kind::Never(why), _) => Err(why),
        (Kind::Public, Reach::Public | Reach::Private)
        | (Kind::Private, Reach::Private)
        | (Kind::Loopback, Reach::Loopback) => Ok(()),
        (Kind::Loopback, _) => Err("this device itself"),
        (Kind::Private, Reach::Public) => Err("of the local network"),
        (_, Reach::Loopback) => Err("not of this device"),
    }
}

const METADATA: &str = "where machines are told their secrets";
const LINK: &str = "of the link only";
const RESERVED: &str = "of no host";

fn kind_of_v4(address: Ipv4Addr) -> Kind {
    match address.octets() {
        // Clouds hand out keys here. The last two are of public blocks.
        [169, 254, 169, 254] | [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16] => {
            Kind::Never(METADATA)
        }
        [0, ..] => Kind::Never("unspecified"),
        [127, ..] => Kind::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Kind::Private,
        [169, 254, ..] => Kind::Never(LINK),
        [100, 64..=127, ..] => Kind::Never("of the provider's network"),
        [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Kind::Never(RESERVED),
        [198, 18 | 19, ..] | [192, 88, 99, _] => Kind::Never(RESERVED),
        [224..=239, ..] => Kind::Never("of many hosts"),
        [240..=255, ..] => Kind::Never(RESERVED),
        _ => Kind::Public,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Kind {
    if address.is_loopback() {
        return Kind::Loopback;
    }
    match address.segments() {
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] | [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254] => {
            Kind::Never(METADATA)
        }
        // A translator leads to an address of version 4; a way round what is judged here for all but public ones.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => match kind_of_v4(embedded(high, low)) {
            Kind::Public => Kind::Public,
            Kind::Never(why) => Kind::Never(why),
            Kind::Private | Kind::Loopback => Kind::Never("local, by way of a translator"),
        },
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => {
            Kind::Never("another spelling of an address of version 4")
        }
        [0x2002, ..] => Kind::Never("another spelling of an address of version 4"),
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => {
            Kind::Never(RESERVED)
        }
        [0xfc00..=0xfdff, ..] => Kind::Private,
        [0xfe80..=0xfebf, ..] => Kind::Never(LINK),
        [0xff00..=0xffff, ..] => Kind::Never("of many hosts"),
        [0x2000..=0x3fff, ..] => Kind::Public,
        _ => Kind::Never(RESERVED),
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(address: &str, reach: Reach) -> bool {
        judge(address.parse().expect("an address"), reach).is_ok()
    }

    #[test]
    fn only_addresses_of_everybody_are_open_to_everybody() {
        for public in
            ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "64:ff9b::101:101", "172.32.0.1"]
        {
            assert!(allowed(public, Reach::Public), "{public}");
            assert!(allowed(public, Reach::Private), "{public}");
            assert!(!allowed(public, Reach::Loopback), "{public}");
        }
        for private in
            ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd12::1", "fc00::1"]
        {
            assert!(!allowed(private, Reach::Public), "{private}");
            assert!(allowed(private, Reach::Private), "{private}");
            assert!(!allowed(private, Reach::Loopback), "{private}");
        }
        for own in ["127.0.0.1", "127.255.255.254", "::1"] {
            assert!(!allowed(own, Reach::Public) && !allowed(own, Reach::Private), "{own}");
            assert!(allowed(own, Reach::Loopback), "{own}");
        }
    }

    #[test]
    fn some_addresses_nobody_is_let_to_in_any_spelling() {
        for never in [
            // Metadata services.
            "169.254.169.254",
            "fd00:ec2::254",
            "fd20:ce::254",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::a83f:8110",
            "::ffff:169.254.169.254",
            "2002:a9fe:a9fe::1",
            // Loopback in other words.
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::1",
            // The local network in other words.
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:c0a8:101::1",
            // Link-local, unspecified, many hosts, nobody's.
            "169.254.0.1",
            "fe80::1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "224.0.0.1",
            "239.255.255.250",
            "255.255.255.255",
            "240.0.0.1",
            "ff02::1",
            "100.64.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "203.0.113.1",
            "192.88.99.1",
            "fec0::1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "4000::1",
        ] {
            for reach in [Reach::Public, Reach::Private, Reach::Loopback] {
                assert!(!allowed(never, reach), "{never} {reach:?}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn an_address_of_version_4_is_nothing_better_in_version_6(octets: [u8; 4]) {
            let plain = Ipv4Addr::from(octets);
            let [a, b, c, d] = octets.map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            for spelled in [
                plain.to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ] {
                // The one spelling of its own that version 6 has for this device.
                if spelled.is_loopback() {
                    continue;
                }
                for reach in [Reach::Public, Reach::Private, Reach::Loopback] {
                    let better = judge(spelled.into(), reach).is_ok() && judge(plain.into(), reach).is_err();
                    proptest::prop_assert!(!better, "{} {:?}", spelled, reach);
                }
            }
        }
    }
}
