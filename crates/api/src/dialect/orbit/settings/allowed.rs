//! `GET` and `PATCH …/settings/api-keys/{id}/allowed-ips`, as the provider documents them.

use axum::extract::{Request, State};
use ipnet::IpNet;
use offhook_core::audit::Deed;
use offhook_core::house::ApiKey;
use serde_json::json;

use super::keys::{Id, deed, enter, find, no_key, within};
use super::shown;
use super::wire::{AllowedIps, NewAllowedIps, allowed};
use crate::dialect::orbit::body::json_body;
use crate::dialect::orbit::error::ApiError;
use crate::dialect::orbit::wire::{Answer, Reply};
use crate::house::Shared;
use crate::manners::audit::text;
use crate::manners::limits::Operation;

const MOST: usize = 50;

/// From where a key works
#[utoipa::path(get, path = "/api/v1/settings/api-keys/{id}/allowed-ips", tag = "Settings", operation_id = "readAllowedIps",
    params(("id" = String, Path, description = "The key")),
    responses(
        (status = 200, body = AllowedIps),
    ))]
pub(crate) async fn read(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Read).await?;
    let answer = async {
        let key = find(&house, &entry.principal, id).await?.key;
        Ok(Reply::ok(shown(list(&key))))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Say from where a key works
///
/// The list takes the place of the old one, from the next request on.
#[utoipa::path(patch, path = "/api/v1/settings/api-keys/{id}/allowed-ips", tag = "Settings", operation_id = "replaceAllowedIps",
    params(("id" = String, Path, description = "The key")),
    request_body = NewAllowedIps,
    responses(
        (status = 200, body = AllowedIps),
    ))]
pub(crate) async fn replace(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control).await?;
    let answer = async {
        let card = find(&house, &entry.principal, id).await?;
        let wanted: NewAllowedIps = json_body(&parts.headers, content).await?;
        let nets = read_nets(wanted.allowed_ips)?;
        within(&entry.principal, &ApiKey { allowed_ips: nets.clone(), ..card.key.clone() })?;
        let deed = Deed {
            before: text(json!({ "allowed_ips": allowed(&card.key.allowed_ips) })),
            after: text(json!({ "allowed_ips": allowed(&nets) })),
            ..deed(&house, &entry.principal, &card.key.id, "api_key.allowed_ips_updated")
        };
        let keys = &house.ports.keys;
        let set = keys.set_allowed_ips(&entry.principal.tenant, &card.key.id, nets, Some(deed)).await?;
        Ok(Reply::ok(shown(list(&set.ok_or_else(no_key)?.key))))
    };
    let answer = answer.await;
    entry.leave(answer)
}

fn list(key: &ApiKey) -> AllowedIps {
    AllowedIps { id: key.id.as_str().to_owned(), allowed_ips: allowed(&key.allowed_ips) }
}

/// Addresses and networks, each checked.
pub(super) fn read_nets(list: Option<Vec<String>>) -> Result<Vec<IpNet>, ApiError> {
    let list = list.unwrap_or_default();
    if list.len() > MOST {
        return Err(ApiError::invalid("allowed_ips", format!("take {MOST} entries at most")));
    }
    let read = |(place, text): (usize, &String)| {
        net(text).ok_or_else(|| {
            let message = "write an address such as 198.51.100.7, or a network such as 2001:db8:40::/48";
            ApiError::invalid(&format!("allowed_ips[{place}]"), message)
        })
    };
    list.iter().enumerate().map(read).collect()
}

/// A network without bits beyond its length; IPv4 in IPv6's clothes is taken as IPv4.
fn net(text: &str) -> Option<IpNet> {
    let text = text.trim();
    match text.parse::<IpNet>() {
        Ok(net) => Some(net.trunc()),
        Err(_) => text.parse::<std::net::IpAddr>().ok().map(|address| address.to_canonical().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_read_and_nothing_else() {
        let check = |text: &str, expected: Option<&str>| {
            let read = net(text).and_then(|net| allowed(&[net])).map(|list| list.join(","));
            assert_eq!(read.as_deref(), expected, "{text}");
        };
        check("198.51.100.7", Some("198.51.100.7"));
        check(" 198.51.100.7/32 ", Some("198.51.100.7"));
        check("198.51.100.7/24", Some("198.51.100.0/24"));
        check("2001:db8:40::/48", Some("2001:db8:40::/48"));
        check("2001:DB8::1", Some("2001:db8::1"));
        check("::ffff:198.51.100.7", Some("198.51.100.7"));
        check("0.0.0.0/0", Some("0.0.0.0/0"));
        for nonsense in ["", "198.51.100", "198.51.100.7/33", "example.com", "2001:db8::/129", "1.2.3.4:80"] {
            check(nonsense, None);
        }
    }
}
