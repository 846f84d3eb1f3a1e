//! What the guard refuses when an address is saved and when it is dialled.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::net::TcpListener;

use super::*;

/// A resolver that answers each question with the next of its answers, and the last one for ever.
#[derive(Default)]
struct Told {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    asked: Mutex<usize>,
}

impl Told {
    fn with(name: &str, answers: &[&[&str]]) -> Arc<Self> {
        let parse = |addresses: &&[&str]| addresses.iter().map(|ip| ip.parse().unwrap()).collect();
        let told = Self::default();
        told.answers.lock().unwrap().insert(name.to_owned(), answers.iter().map(parse).collect());
        Arc::new(told)
    }
}

#[async_trait]
impl Names for Told {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        *self.asked.lock().unwrap() += 1;
        let mut answers = self.answers.lock().unwrap();
        let queue = answers.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(if queue.len() > 1 { queue.remove(0) } else { queue[0].clone() })
    }
}

/// Every way to write an address that must not be dialled that we know of.
const REFUSED: &[&str] = &[
    // Loopback, plainly and oddly.
    "https://127.0.0.1/",
    "https://127.0.0.1",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0x0.0x0.0x1/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0177.0.0.01/",
    "https://127.0.0.1./",
    "https://127.0x0.0.1/",
    "https://127.00.00.01/",
    "https://0X7F000001/",
    "https://127。0。0。1/",
    "https://１２７.０.０.１/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127%2e0%2e0%2e1/",
    "https://%31%32%37.0.0.1/",
    "https://127.0.0.1:443/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://a.localhost/",
    "https://ⓛocalhost/",
    "https://localhost.localdomain/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[0000::0001]/",
    "https://[::0.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::FFFF:7F00:0001]/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:7f00:0001::1]/",
    "https://[2001:0:7f00:1::]/",
    // No address at all.
    "https://0.0.0.0/",
    "https://0/",
    "https://0x0/",
    "https://00/",
    "https://0.1.2.3/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:0]/",
    "https://[::ffff:0.0.0.0]/",
    "https://[64:ff9b::]/",
    "https://[2002::1]/",
    // Private networks.
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://10.1/",
    "https://167772161/",
    "https://0xa000001/",
    "https://012.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://2886729729/",
    "https://192.168.0.1/",
    "https://192.168.1/",
    "https://3232235777/",
    "https://0xc0a80101/",
    "https://0300.0250.0.1/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:192.168.1.1]/",
    "https://[::ffff:ac10:1]/",
    "https://[64:ff9b::10.0.0.1]/",
    "https://[64:ff9b::c0a8:101]/",
    "https://[2002:a00:1::]/",
    "https://[2002:c0a8:101::1]/",
    "https://[2002:ac10:1::]/",
    "https://[fc00::1]/",
    "https://[fd12:3456:789a::1]/",
    "https://[fec0::1]/",
    // Carrier-grade NAT and benchmarks.
    "https://100.64.0.1/",
    "https://100.127.255.255/",
    "https://1681915905/",
    "https://198.18.0.1/",
    "https://198.19.255.255/",
    "https://[::ffff:100.64.0.1]/",
    "https://[64:ff9b::100.64.0.1]/",
    // Link-local, and where clouds keep secrets.
    "https://169.254.169.254/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0xa9.0xfe.0xa9.0xfe/",
    "https://0251.0376.0251.0376/",
    "https://169.254.43518/",
    "https://169.16689662/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:a9fe:a9fe::]/",
    "https://[fd00:ec2::254]/",
    "https://[fd20:ce::254]/",
    "https://[fe80::1]/",
    "https://[febf::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://metadata.google.internal/",
    "https://metadata/",
    "https://169.254.170.2/",
    // Multicast, broadcast, reserved, documentation, discarded.
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://255.255.255.255/",
    "https://4294967295/",
    "https://0xffffffff/",
    "https://240.0.0.1/",
    "https://192.0.2.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://192.88.99.1/",
    "https://[ff02::1]/",
    "https://[ff0e::1]/",
    "https://[100::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[5f00::1]/",
    "https://[4000::1]/",
    "https://[2001:10::1]/",
    "https://[2001:20::1]/",
    // Names that never lead outside.
    "https://intranet/",
    "https://printer.local/",
    "https://db.internal/",
    "https://nas.home.arpa/",
    "https://router.lan/",
    "https://kubernetes/",
    "https://redis.local./",
    "https://x.intranet/",
    // Odd spellings of outside addresses: nobody who means well writes these.
    "https://134744072/",
    "https://0x08080808/",
    "https://8.8.2056/",
    "https://010.8.8.8/",
    "https://8.8.8.8./",
    // Users, fragments, slashes and blanks.
    "https://user@example.com/",
    "https://user:pass@example.com/",
    "https://@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com:443@127.0.0.1/",
    "https://:@example.com/",
    "https://example.com#@127.0.0.1/",
    "https://example.com/#x",
    "https://example.com\\@127.0.0.1/",
    "https:\\\\127.0.0.1\\",
    "https://127.0.0.1\\.example.com/",
    "https:/127.0.0.1/",
    "https:127.0.0.1",
    "https:///127.0.0.1/",
    "https:////127.0.0.1",
    " https://example.com/",
    "https://example.com/ x",
    "https://exa\tmple.com/",
    "https://example.com/\r\nX-Injected: 1",
    "https://exa\u{0}mple.com/",
    "https://example\u{a0}.com/",
    "//127.0.0.1/",
    "/hooks",
    "127.0.0.1",
    "example.com",
    "",
    "https://",
    "https://[::1",
    "https://[]/",
    "https://.../",
    "https://./",
    "https://%00/",
    "https://256.256.256.256/",
    "https://1.2.3.4.5/",
    "https://99999999999/",
    // Other schemes and ports.
    "http://example.com/",
    "http://127.0.0.1/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "dict://example.com/",
    "ldap://example.com/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "unix:/run/x",
    "ws://example.com/",
    "wss://example.com/",
    "jar:https://example.com/",
    "blob:https://example.com/",
    "https://example.com:80/",
    "https://example.com:22/",
    "https://example.com:0/",
    "https://example.com:6379/",
    "https://example.com:25/",
    "https://example.com:65536/",
    "https://example.com:-1/",
    "https://8.8.8.8:8080/",
    "https://[2606:4700:4700::1111]:8443/",
    "HTTP://example.com/",
    "https://example.com:8443/",
];

#[test]
fn refuses_every_spelling_of_an_inside_address_when_it_is_saved() {
    let guard = Guard::new(false);
    assert!(REFUSED.len() >= 200, "{}", REFUSED.len());
    let passed: Vec<&&str> = REFUSED.iter().filter(|text| guard.parse(text).is_ok()).collect();
    assert!(passed.is_empty(), "{passed:?}");
}

#[tokio::test]
async fn refuses_the_same_addresses_when_a_name_leads_to_them() {
    let bare = |text: &&str| text.strip_prefix("https://").unwrap_or(text).trim_end_matches('/').to_owned();
    let addresses = REFUSED.iter().map(bare);
    let addresses: Vec<IpAddr> = addresses.filter_map(|t| t.trim_matches(['[', ']']).parse().ok()).collect();
    assert!(addresses.len() >= 60, "{}", addresses.len());
    for address in addresses {
        let names = Told::with("hooks.example.com", &[&[&address.to_string()]]);
        let guard = Guard::with_names(false, names);
        let target = guard.parse("https://hooks.example.com/in").unwrap();
        assert_eq!(guard.resolve(&target).await, Err(Unfit::Inside), "{address}");
    }
}

#[test]
fn takes_plain_addresses_of_the_internet() {
    let guard = Guard::new(false);
    for text in [
        "https://example.com",
        "https://example.com:443/in?key=1&x=%20",
        "https://hooks.example.co.uk/a/b",
        "https://bücher.example/",
        "https://example.com./",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://[64:ff9b::8.8.8.8]/",
        "https://mylocal.example/",
        "https://notlocalhost.example/",
    ] {
        assert!(guard.parse(text).is_ok(), "{text}: {:?}", guard.parse(text));
    }
    assert!(guard.parse_socket("wss://bot.example.com/stream").is_ok());
    assert_eq!(guard.parse_socket("https://bot.example.com/"), Err(Unfit::Scheme("wss")));
    assert_eq!(guard.parse_socket("ws://bot.example.com/"), Err(Unfit::Scheme("wss")));
}

#[test]
fn an_operator_may_open_private_networks_and_nothing_worse() {
    let guard = Guard::new(true);
    for text in ["http://127.0.0.1:9000/", "https://10.0.0.1/", "http://crm:8080/in", "http://[fd12::1]:81/"]
    {
        assert!(guard.parse(text).is_ok(), "{text}: {:?}", guard.parse(text));
    }
    for text in [
        "http://169.254.169.254/",
        "https://[fd00:ec2::254]/",
        "http://0.0.0.0/",
        "http://[fe80::1]/",
        "http://224.0.0.1/",
        "http://100.100.100.200/",
        "http://2130706433/",
        "http://u@127.0.0.1/",
    ] {
        assert!(guard.parse(text).is_err(), "{text}");
    }
}

#[tokio::test]
async fn one_inside_address_among_outside_ones_spoils_the_name() {
    let names = Told::with("hooks.example.com", &[&["8.8.8.8", "10.0.0.1"]]);
    let guard = Guard::with_names(false, names);
    let target = guard.parse("https://hooks.example.com/").unwrap();
    assert_eq!(guard.resolve(&target).await, Err(Unfit::Inside));
}

#[tokio::test]
async fn a_name_that_moves_inside_after_it_was_saved_is_not_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let names = Told::with("rebinding.example.com", &[&["8.8.8.8"], &["127.0.0.1"]]);
    let guard = Guard::with_names(false, names.clone());
    let target = guard.parse("https://rebinding.example.com/").unwrap();

    assert!(guard.resolve(&target).await.is_ok(), "outside when it is saved");
    assert_eq!(guard.dial(&target).await.err(), Some(Unfit::Inside), "inside when it is dialled");
    assert_eq!(*names.asked.lock().unwrap(), 2, "one look-up a judgement");
    drop(listener);
}

#[tokio::test]
async fn the_address_that_was_judged_is_the_one_that_is_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    let names = Told::with("crm.example.com", &[&["127.0.0.1"], &["169.254.169.254"]]);
    let guard = Guard::with_names(true, names.clone());
    let target = guard.parse(&format!("http://crm.example.com:{}/", here.port())).unwrap();

    let stream = guard.dial(&target).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), here);
    assert_eq!(*names.asked.lock().unwrap(), 1, "nothing is looked up between judging and dialling");
}

#[test]
fn an_address_does_not_print_what_its_path_says() {
    let target = Guard::new(false).parse("https://hooks.example.com/s3cret?token=x").unwrap();
    assert_eq!(format!("{target:?}"), "Target(hooks.example.com:443)");
}

proptest::proptest! {
    /// Whatever a customer writes, an address that passes as it is written leads outside.
    #[test]
    fn no_text_smuggles_an_inside_address(text in "https?://[0-9a-fx.:%@\\[\\]/#?\\\\\u{ff10}-\u{ff19}]{0,40}", any in ".{0,60}") {
        let guard = Guard::new(false);
        for text in [text, any.clone(), format!("https://{any}"), format!("https://a.example/{any}")] {
            let Ok(target) = guard.parse(&text) else { continue };
            proptest::prop_assert_eq!((target.url().scheme(), target.port()), ("https", 443));
            match target.host() {
                Host::Ipv4(v4) => proptest::prop_assert_eq!(reach(IpAddr::V4(*v4)), Reach::Internet),
                Host::Ipv6(v6) => proptest::prop_assert_eq!(reach(IpAddr::V6(*v6)), Reach::Internet),
                Host::Domain(name) => proptest::prop_assert!(name.contains('.')),
            }
        }
    }
}
