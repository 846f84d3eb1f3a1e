//! Storage that speaks S3: a small bucket over HTTP, and a recorder that uses it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use offhook_recording::vault::{Vault, VaultFault};
use offhook_recording::{ListenFault, Selection, What, Why};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use crate::rig::{AGENT, CUSTOMER, Mouth, Rig, secs};

/// What is in the bucket, by path.
type Objects = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A bucket on loopback.
struct Bucket {
    endpoint: String,
    objects: Objects,
    /// Requests are answered with this status instead, when it is set.
    refusal: Arc<Mutex<Option<&'static str>>>,
    _tasks: TaskTracker,
}

impl Bucket {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (objects, refusal) = (Objects::default(), Arc::new(Mutex::new(None)));
        let tasks = TaskTracker::new();
        let (serving, kept, refused) = (tasks.clone(), objects.clone(), refusal.clone());
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.spawn(serve(stream, kept.clone(), refused.clone()));
            }
        });
        Self { endpoint, objects, refusal, _tasks: tasks }
    }

    fn vault(&self) -> Vault {
        // The one provider of the program; the second test in a process finds it there.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let options = [
            ("endpoint", self.endpoint.as_str()),
            ("region", "eu-central-1"),
            ("access_key_id", "AKIDEXAMPLE"),
            ("secret_access_key", "secret"),
            ("allow_http", "true"),
        ];
        let options = options.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Vault::open("s3://calls/berlin", &options).unwrap()
    }
}

/// Answers one connection's requests.
async fn serve(stream: TcpStream, objects: Objects, refusal: Arc<Mutex<Option<&'static str>>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let header = |name: &str| {
            let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")))?;
            line.split_once(':').map(|(_, value)| value.trim().to_owned())
        };
        let length = header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        assert!(header("authorization").is_some_and(|value| value.contains("AKIDEXAMPLE/")), "{head}");
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let (status, answer) = match *refusal.lock().unwrap() {
            Some(status) => (status, Vec::new()),
            None => answer(&method, &path, body, &mut objects.lock().unwrap()),
        };
        let length = answer.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nETag: \"e\"\r\n\
             Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        if method != "HEAD" {
            stream.write_all(&answer).await.unwrap();
        }
    }
}

fn answer(
    method: &str,
    path: &str,
    body: Vec<u8>,
    objects: &mut BTreeMap<String, Vec<u8>>,
) -> (&'static str, Vec<u8>) {
    let missing = ("404 Not Found", Vec::new());
    match method {
        "PUT" => {
            objects.insert(path.to_owned(), body);
            ("200 OK", Vec::new())
        }
        "GET" | "HEAD" => objects.get(path).map_or(missing, |found| ("200 OK", found.clone())),
        // Deleting several at once: the only way the library deletes.
        "POST" => {
            let body = String::from_utf8(body).unwrap();
            let keys = body.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
            let mut deleted = String::new();
            for key in keys {
                objects.remove(&format!("/calls/{key}"));
                deleted += &format!("<Deleted><Key>{key}</Key></Deleted>");
            }
            ("200 OK", format!("<DeleteResult>{deleted}</DeleteResult>").into_bytes())
        }
        _ => ("405 Method Not Allowed", Vec::new()),
    }
}

#[tokio::test]
async fn recordings_are_stored_in_played_from_and_deleted_from_a_bucket() {
    let bucket = Bucket::open().await;
    let rig = Rig::with(|_| bucket.vault());
    let mut running = rig.open().await;
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    let (mut customer, mut agent) = (Mouth::new(CUSTOMER, 440.0), Mouth::new(AGENT, 1_000.0));
    rig.talk(&take, secs(10), &mut [&mut customer, &mut agent]);
    running.finish(take).await;

    let name = format!("/calls/berlin/{}/{id}.sealed", rig.tenant);
    let object = bucket.objects.lock().unwrap().get(&name).cloned().expect("it is where it should be");
    let stored = rig.row(&id).stored.unwrap();
    assert_eq!(stored.bytes, object.len() as u64);
    assert_eq!(stored.checksum, aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &object).as_ref());
    let heard = running.listen(&rig, &id, Selection::Stereo).await;
    assert!(heard.millis() == 10_000 && heard.tone(1, 1_000.0, 100, 9_900) > 0.15);

    assert_eq!(running.recorder.expire(rig.row(&id).expires_at).await, Ok(1));
    assert_eq!(bucket.objects.lock().unwrap().len(), 0);
    running.recorder.close().await;
}

#[tokio::test]
async fn a_bucket_that_denies_permission_is_told_and_tried_again() {
    let bucket = Bucket::open().await;
    let rig = Rig::with(|_| bucket.vault());
    let mut running = rig.open().await;
    *bucket.refusal.lock().unwrap() = Some("403 Forbidden");
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    rig.talk(&take, secs(2), &mut [&mut Mouth::new(CUSTOMER, 440.0)]);
    take.stop(offhook_recording::StopReason::CallEnded).unwrap();
    running.until(|what| *what == What::Failed { why: Why::Storage }).await;
    *bucket.refusal.lock().unwrap() = None;
    running.until(|what| matches!(what, What::Stored { .. })).await;
    *bucket.refusal.lock().unwrap() = Some("403 Forbidden");
    let denied = running.file(&rig, &id, Selection::Mixed).await;
    assert!(matches!(denied, Err(ListenFault::Vault(VaultFault::Storage("it denies permission")))));
    *bucket.refusal.lock().unwrap() = None;
    running.recorder.close().await;
}

#[test]
fn addresses_that_make_no_sense_are_told_in_words() {
    let check = |url: &str, expected: &str| {
        let told = Vault::open(url, &[]).err().unwrap().to_string();
        assert!(told.starts_with("recordings.url: ") && told.contains(expected), "{told}");
    };
    check("ftp://host/x", "must begin with file: or s3://");
    check("s3:///prefix", "needs a bucket");
    check("file:/proc/none/such", "cannot be used");
    let options = [("no_such".to_owned(), "x".to_owned())];
    assert!(matches!(Vault::open("s3://b", &options), Err(VaultFault::Address(_))));
}
