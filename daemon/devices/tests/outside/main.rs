//! What lies outside of the vehicle, with the real thing at the other end: a server, a broker, a bus with a player.

mod http;
mod mqtt;
mod peers;
