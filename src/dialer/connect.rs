//! TCP: of several addresses the fastest to connect wins.
//!
//! Guarantees a blocking socket with Nagle off, bound to the local address asked for; the losers are closed.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};

use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, Socket, Type};

use super::error::{DialReason, Phase};
use crate::link::Patience;

/// Addresses tried at once. Venues count connections, and losers count too.
const ADDRESSES_MAX: usize = 4;
/// What a non-blocking connect says; std has no stable name for it.
const EINPROGRESS: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 115 } else { 36 };

/// Connects to the fastest of `addresses`.
pub(super) fn connect(
    addresses: &[SocketAddr],
    local: Option<IpAddr>,
    patience: Patience<'_>,
) -> Result<(TcpStream, SocketAddr), DialReason> {
    let addresses = choose(addresses, local);
    let mut poll = Poll::new().map_err(DialReason::Local)?;
    let mut events = Events::with_capacity(ADDRESSES_MAX);
    let mut racers = Vec::with_capacity(addresses.len());
    let mut last = None;
    for &address in &addresses {
        let racer = begin(address, local).and_then(|mut socket| {
            poll.registry().register(&mut socket, Token(racers.len()), Interest::WRITABLE)?;
            Ok((socket, address))
        });
        match racer {
            Ok(racer) => racers.push(Some(racer)),
            Err(error) => last = Some(error),
        }
    }
    while racers.iter().any(Option::is_some) {
        let slice = patience.slice().map_err(|gave_up| DialReason::gave_up(gave_up, Phase::Connect))?;
        match poll.poll(&mut events, Some(slice)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(DialReason::Local(error)),
            _ => {}
        }
        for event in &events {
            let Some(slot) = racers.get_mut(event.token().0) else { continue };
            let Some((socket, address)) = slot.take() else { continue };
            match is_connected(&socket) {
                Ok(true) => return finish(socket).map(|socket| (socket, address)).map_err(DialReason::Local),
                Ok(false) => *slot = Some((socket, address)),
                Err(error) => last = Some(error),
            }
        }
    }
    match last {
        Some(last) => Err(DialReason::Connect { tried: addresses.len(), last }),
        None => Err(DialReason::NoAddress { local_bound: local.is_some() }),
    }
}

/// The first ones of each family in turn, since one family may lead nowhere.
fn choose(addresses: &[SocketAddr], local: Option<IpAddr>) -> Vec<SocketAddr> {
    let fits = |address: &&SocketAddr| local.is_none_or(|local| local.is_ipv4() == address.is_ipv4());
    let mut fourth = addresses.iter().filter(fits).filter(|address| address.is_ipv4());
    let mut sixth = addresses.iter().filter(fits).filter(|address| address.is_ipv6());
    let mut chosen = Vec::with_capacity(ADDRESSES_MAX);
    loop {
        let pair = [fourth.next(), sixth.next()];
        if pair == [None, None] {
            return chosen;
        }
        for address in pair.into_iter().flatten() {
            if chosen.len() < ADDRESSES_MAX && !chosen.contains(address) {
                chosen.push(*address);
            }
        }
    }
}

fn begin(address: SocketAddr, local: Option<IpAddr>) -> io::Result<mio::net::TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(local) = local {
        socket.bind(&SocketAddr::new(local, 0).into())?;
    }
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(EINPROGRESS) && error.kind() != io::ErrorKind::WouldBlock => {
            Err(error)
        }
        _ => Ok(mio::net::TcpStream::from_std(socket.into())),
    }
}

fn is_connected(socket: &mio::net::TcpStream) -> io::Result<bool> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

fn finish(socket: mio::net::TcpStream) -> io::Result<TcpStream> {
    let socket = TcpStream::from(socket);
    socket.set_nonblocking(false)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_repetitions_are_dropped() {
        let [a, b, c, d, e]: [SocketAddr; 5] =
            ["1.1.1.1:443", "1.1.1.2:443", "1.1.1.3:443", "[::1]:443", "[::2]:443"].map(|text| text.parse().unwrap());
        assert_eq!(choose(&[a, a, b, c, d, e], None), [a, d, e, b]);
        assert_eq!(choose(&[a, d], Some("127.0.0.1".parse().unwrap())), [a]);
        assert_eq!(choose(&[d], Some("127.0.0.1".parse().unwrap())), []);
    }
}
