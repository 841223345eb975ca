//! From which address a request comes, and by which name it calls us.
//!
//! The address is the connection's other end. Where that is one of `--trusted-proxies`, it is the
//! right-most entry of `X-Forwarded-For` that is not such a proxy itself: whatever stands to the
//! left of it, anybody may have written.

use std::{
    any::Any,
    net::{IpAddr, SocketAddr},
};

use actix_web::{HttpRequest, dev::Extensions, http::header, rt::net::TcpStream};
use ipnet::IpNet;
use url::{Host, Url};

/// What proxies put on a request that they hand on.
const FORWARDED: [&str; 4] = ["x-forwarded-for", "forwarded", "x-real-ip", "via"];

/// This machine's end of a connection.
struct OwnAddress(IpAddr);

/// Remembers, for each connection, at which of this machine's addresses it arrived.
pub fn note_own_address(connection: &dyn Any, data: &mut Extensions) {
    if let Some(connection) = connection.downcast_ref::<TcpStream>()
        && let Ok(own) = connection.local_addr()
    {
        data.insert(OwnAddress(own.ip().to_canonical()));
    }
}

/// The client's address, and whether it is one of this machine's own.
pub fn of(request: &HttpRequest, trusted: &[IpNet]) -> (Option<IpAddr>, bool) {
    let Some(peer) = request.peer_addr().map(|peer| peer.ip().to_canonical()) else {
        return (None, false);
    };
    let headers = request.headers();
    let forwarded: Vec<&str> = headers
        .get_all(FORWARDED[0])
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let address = behind_proxies(peer, &forwarded, trusted);
    // What a proxy hands on comes from elsewhere, even if the proxy is here and nobody named it.
    let handed_on = address == peer && FORWARDED.iter().any(|name| headers.contains_key(*name));
    let own = request.conn_data::<OwnAddress>();
    let here = address.is_loopback() || own.is_some_and(|own| own.0 == address);
    (Some(address), here && !handed_on)
}

fn behind_proxies(peer: IpAddr, forwarded: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut address = peer;
    for entry in forwarded.iter().rev() {
        if !is_trusted(&address) {
            break;
        }
        // A trusted proxy that writes nonsense is the last one that can be believed.
        let Some(next) = parse(entry) else { break };
        address = next;
    }
    address
}

/// An address, perhaps with a port.
fn parse(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(entry.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_canonical())
}

/// What the request calls us: the header `Host`, or the target where that is a whole URL.
pub fn host(request: &HttpRequest) -> Option<&str> {
    let named = request.headers().get(header::HOST);
    let named = named.and_then(|host| host.to_str().ok());
    named.or_else(|| {
        request
            .uri()
            .authority()
            .map(|authority| authority.as_str())
    })
}

/// Whether a request that calls us so came through a proxy: by https, which is not our work.
pub fn is_proxys_name(host: &str, base_url: &Url) -> bool {
    let named = Url::parse(&format!("https://{host}/"));
    named.is_ok_and(|named| named.origin() == base_url.origin())
}

/// Whether no other site could be called so: an address, `localhost`, or the name that we were given.
pub fn is_own_name(host: &str, base_url: &Url) -> bool {
    let Ok(named) = Url::parse(&format!("http://{host}/")) else {
        return false;
    };
    match named.host() {
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name.ends_with(".localhost")
                || base_url.host() == Some(Host::Domain(name))
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        behind_proxies(peer.parse().unwrap(), forwarded, &trusted).to_string()
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        assert_eq!(seen("192.0.2.9", &["198.51.100.1"], &[]), "192.0.2.9");
        assert_eq!(
            seen("192.0.2.9", &["198.51.100.1"], &["10.0.0.0/8"]),
            "192.0.2.9"
        );
    }

    #[test]
    fn the_right_most_entry_that_is_no_proxy_is_the_client() {
        let entries = ["203.0.113.7", " 198.51.100.1", "10.0.0.2"];
        assert_eq!(seen("10.0.0.1", &entries, &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn proxies_all_the_way_lead_to_the_left_most() {
        assert_eq!(
            seen("10.0.0.1", &["10.0.0.3", "10.0.0.2"], &["10.0.0.0/8"]),
            "10.0.0.3"
        );
        assert_eq!(seen("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn an_entry_may_have_a_port_and_nonsense_ends_the_belief() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(
            seen("10.0.0.1", &["198.51.100.1:4711"], &trusted),
            "198.51.100.1"
        );
        assert_eq!(
            seen("10.0.0.1", &["[2001:db8::1]:443"], &trusted),
            "2001:db8::1"
        );
        assert_eq!(
            seen("10.0.0.1", &["[2001:db8::1]"], &trusted),
            "2001:db8::1"
        );
        assert_eq!(
            seen("10.0.0.1", &["::ffff:198.51.100.1"], &trusted),
            "198.51.100.1"
        );
        assert_eq!(
            seen("10.0.0.1", &["198.51.100.1", "unknown"], &trusted),
            "10.0.0.1"
        );
    }

    #[test]
    fn the_name_of_an_https_address_is_that_of_a_proxy() {
        let base = |url| Url::parse(url).unwrap();
        let https = base("https://cadastro.example");
        assert!(is_proxys_name("cadastro.example", &https));
        assert!(is_proxys_name("Cadastro.Example:443", &https));
        for ours in ["cadastro.example:8080", "127.0.0.1:8080", "localhost", ""] {
            assert!(!is_proxys_name(ours, &https), "{ours}");
        }
        let http = base("http://cadastro.example");
        assert!(!is_proxys_name("cadastro.example", &http));
    }

    #[test]
    fn only_names_that_no_other_site_can_have_are_our_own() {
        let base = Url::parse("http://cadastro.example:8080").unwrap();
        for own in [
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]",
            "192.168.1.5",
            "cadastro.example",
        ] {
            assert!(is_own_name(own, &base), "{own}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
        ] {
            assert!(!is_own_name(other, &base), "{other}");
        }
    }
}
