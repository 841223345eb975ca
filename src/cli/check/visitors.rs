//! Whether visitors find us, and can be told apart.

use url::{Host, Url};

use super::Proof;
use crate::config::{Config, leads_here};

/// Whether a reader of a letter can follow its links, and log in there unheard.
pub(super) fn base_url(config: &Config) -> Proof {
    let url = config.base_url(config.listen);
    match where_to(&url) {
        Reach::Nowhere => Err(format!(
            "links in letters would begin with {url}, which leads nowhere; set --base-url"
        )),
        Reach::ThisMachine => Ok(format!("{url} leads to this machine alone")),
        Reach::Everywhere if url.scheme() == "https" => Ok(url.to_string()),
        Reach::Everywhere => Err(format!(
            "over {url} passwords travel in the clear; serve through a proxy that speaks TLS, and set --base-url \
             to its https:// address"
        )),
    }
}

/// Whether visitors can be told apart.
pub(super) fn proxies(config: &Config) -> Proof {
    let trusted = &config.trusted_proxies;
    if config.mistakes_proxy_for_visitors() {
        return Err(
            "https is the work of a proxy, and none is trusted: all visitors share one limit, so that thirty sign-ups \
             a minute are all there can be; name the proxy with --trusted-proxies"
                .to_owned(),
        );
    }
    Ok(match trusted.as_slice() {
        [] => "none is trusted: visitors are told apart by where they connect from".to_owned(),
        some => {
            let names: Vec<_> = some.iter().map(ToString::to_string).collect();
            format!("{} may say for whom they ask", names.join(", "))
        }
    })
}

/// From where a link can be followed.
enum Reach {
    Nowhere,
    ThisMachine,
    Everywhere,
}

fn where_to(url: &Url) -> Reach {
    let nowhere = match url.host() {
        Some(Host::Ipv4(address)) => address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_unspecified(),
        Some(Host::Domain(_)) => false,
        None => true,
    };
    match nowhere {
        true => Reach::Nowhere,
        false if leads_here(url) => Reach::ThisMachine,
        false => Reach::Everywhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Source, settings};

    fn judged(listen: &str, base_url: &str) -> Proof {
        let config = Config::read(|setting| {
            let value = match setting {
                s if *s == settings::LISTEN => listen,
                s if *s == settings::BASE_URL => base_url,
                _ => return None,
            };
            Some((value.to_owned(), Source::Environment))
        });
        super::base_url(&config.expect("good settings"))
    }

    #[test]
    fn a_link_has_to_lead_somewhere_and_in_secret_unless_it_stays_here() {
        for (listen, base_url) in [
            ("127.0.0.1:8080", ""),
            ("[::1]:8080", ""),
            ("0.0.0.0:80", "http://localhost"),
            ("0.0.0.0:80", "http://cadastro.localhost:8080"),
            ("0.0.0.0:80", "https://example.org"),
        ] {
            assert!(judged(listen, base_url).is_ok(), "{listen} {base_url}");
        }
        for (listen, base_url, why) in [
            ("0.0.0.0:80", "", "leads nowhere"),
            ("[::]:80", "", "leads nowhere"),
            ("192.0.2.1:80", "", "in the clear"),
            ("127.0.0.1:80", "http://example.org", "in the clear"),
            (
                "127.0.0.1:80",
                "http://localhost.example.org",
                "in the clear",
            ),
        ] {
            let refused = judged(listen, base_url).expect_err(base_url);
            assert!(refused.contains(why), "{listen} {base_url}: {refused}");
        }
    }
}
