//! The client for HTTP against servers of the test, and names that lead where they should not.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead as _, BufReader, Read, Write},
    net::{IpAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};
use valet_core::{
    capability::http::{HttpMethod, HttpUrl},
    ports::http::{HttpClient, HttpError, HttpRequest, HttpResponse},
};
use valet_devices::http::{Http, HttpSettings, Lookup};

const LIMIT: Duration = Duration::from_secs(5);

/// Names as the test has them, and which were asked for.
#[derive(Default)]
struct Names {
    known: BTreeMap<String, Vec<IpAddr>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn of(host: &str, addresses: &[&str]) -> Arc<Self> {
        let addresses = addresses.iter().map(|a| a.parse().expect("an address")).collect();
        Arc::new(Self { known: [(host.to_owned(), addresses)].into(), asked: Mutex::default() })
    }

    fn asked(&self) -> usize {
        self.asked.lock().expect("unpoisoned").len()
    }
}

impl Lookup for Names {
    fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().expect("unpoisoned").push(host.to_owned());
        self.known.get(host).cloned().ok_or_else(|| io::Error::other("unknown"))
    }
}

/// A server on this device that gives each connection to a function; what came in is told.
struct Server {
    port: u16,
    requests: Receiver<String>,
}

impl Server {
    fn answering(answer: impl Fn(&mut dyn ReadWrite) + Send + 'static) -> Self {
        Self::with(|stream| Box::new(stream), answer)
    }

    fn with(
        wrap: impl Fn(TcpStream) -> Box<dyn ReadWrite> + Send + 'static,
        answer: impl Fn(&mut dyn ReadWrite) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let (told, requests) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = wrap(stream);
                if read_request(&mut *stream, &told).is_some() {
                    answer(&mut *stream);
                }
            }
        });
        Self { port, requests }
    }
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// The head and the body of a request.
fn read_request(stream: &mut dyn ReadWrite, told: &Sender<String>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.to_lowercase().split("content-length: ").nth(1).map_or(0, |rest| {
        rest.lines().next().and_then(|line| line.trim().parse().ok()).unwrap_or(0)
    });
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let _ = told.send(head + &String::from_utf8_lossy(&body));
    Some(())
}

fn say(text: &'static str) -> impl Fn(&mut dyn ReadWrite) + Send + 'static {
    move |stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        let _ = stream.flush();
    }
}

/// A client to which `server.example` is this device.
fn client(names: &Arc<Names>) -> Http {
    let settings = HttpSettings {
        loopback_hosts: ["server.example".to_owned()].into(),
        ..HttpSettings::default()
    };
    Http::new(settings, Arc::clone(names) as Arc<dyn Lookup>)
}

fn request(url: &str) -> HttpRequest {
    HttpRequest {
        url: HttpUrl::parse(url).expect("a URL"),
        method: HttpMethod::Get,
        headers: Vec::new(),
        body: Vec::new(),
        most_bytes: 1000,
        limit: LIMIT,
    }
}

fn here() -> Arc<Names> {
    Names::of("server.example", &["127.0.0.1"])
}

fn get(server: &Server) -> Result<HttpResponse, HttpError> {
    client(&here()).fetch(&request(&format!("http://server.example:{}/a?b=c", server.port)))
}

#[test]
fn a_fetch_comes_through_with_what_was_set_and_one_lookup() {
    let server = Server::answering(say("hello"));
    let names = here();
    let url = format!("http://server.example:{}/a?b=c", server.port);
    let mut posted = HttpRequest { method: HttpMethod::Post, ..request(&url) };
    posted.headers = vec![("content-type".into(), "text/plain".into())];
    posted.body = b"on".to_vec();
    let response = client(&names).fetch(&posted).expect("it comes back");
    assert_eq!((response.status, response.body.as_slice()), (200, &b"hello"[..]));
    assert!(response.headers.contains(&("content-length".into(), "5".into())));
    let came = server.requests.recv_timeout(LIMIT).expect("a request");
    assert!(came.starts_with("POST /a?b=c HTTP/1.1\r\n") && came.ends_with("\r\n\r\non"), "{came}");
    let lower = came.to_lowercase();
    assert!(lower.contains(&format!("host: server.example:{}\r\n", server.port)), "{came}");
    assert!(lower.contains("content-type: text/plain\r\n") && !lower.contains("cookie"), "{came}");
    assert_eq!(names.asked(), 1, "what was judged is what was connected to");
}

#[test]
fn a_redirection_is_an_answer_and_is_not_followed() {
    let elsewhere = Server::answering(say("secret"));
    let location = format!("http://server.example:{}/", elsewhere.port);
    let server = Server::answering(move |stream| {
        let _ = write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        );
    });
    let response = get(&server).expect("it comes back");
    assert_eq!(response.status, 302);
    let target = format!("http://server.example:{}/", elsewhere.port);
    assert!(response.headers.contains(&("location".into(), target)), "{response:?}");
    assert!(elsewhere.requests.try_recv().is_err(), "nobody went there");
}

#[test]
fn a_body_is_read_up_to_its_bound_and_no_further() {
    let exact = Server::answering(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        let _ = stream.write_all(&[b'x'; 1000]);
    });
    assert_eq!(get(&exact).expect("it fits").body.len(), 1000);
    let (told, sent) = channel();
    let endless = Server::answering(move |stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut bytes = 0_u64;
        while stream.write_all(b"400\r\n").and_then(|()| stream.write_all(&[b'x'; 0x402])).is_ok() {
            bytes += 0x400;
        }
        let _ = told.send(bytes);
    });
    let error = get(&endless).expect_err("too long");
    assert_eq!(error, HttpError::TooLong { host: "server.example".into(), limit: 1000 });
    // What fits into the buffers of the sockets, and then nobody listens.
    let bytes = sent.recv_timeout(LIMIT).expect("the connection was closed");
    assert!(bytes < 64 << 20, "{bytes}");
    let lying = Server::answering(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n");
        let _ = stream.write_all(&[b'x'; 4000]);
    });
    assert!(matches!(get(&lying), Err(HttpError::TooLong { .. })));
}

#[test]
fn a_name_that_leads_to_an_address_of_nobodys_business_is_refused() {
    let server = Server::answering(say("secret"));
    for bad in [
        "127.0.0.1",
        "127.1.2.3",
        "::1",
        "0.0.0.0",
        "::",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "fd00::1",
        "169.254.169.254",
        "fd00:ec2::254",
        "169.254.1.1",
        "fe80::1",
        "224.0.0.1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::1",
    ] {
        // Alone, and behind one that would be fine.
        for addresses in [&[bad][..], &["93.184.215.14", bad][..]] {
            let names = Names::of("api.example.org", addresses);
            let url = format!("http://api.example.org:{}/", server.port);
            let error = client(&names).fetch(&request(&url)).expect_err("refused");
            let HttpError::Refused { host, address, .. } = error else {
                panic!("{bad}: {error:?}");
            };
            assert_eq!(
                (host.as_str(), address.parse()),
                ("api.example.org", bad.parse::<IpAddr>())
            );
        }
    }
    assert!(server.requests.try_recv().is_err(), "nobody was connected to");
}

#[test]
fn a_name_of_this_device_leads_nowhere_else() {
    for elsewhere in ["93.184.215.14", "192.168.0.1"] {
        let names = Names::of("server.example", &[elsewhere]);
        let error = client(&names).fetch(&request("http://server.example/")).expect_err("refused");
        assert!(matches!(error, HttpError::Refused { .. }), "{elsewhere}: {error:?}");
    }
}

#[test]
fn who_takes_too_long_is_given_up_on() {
    struct Stuck(Mutex<Receiver<()>>);
    impl Lookup for Stuck {
        fn addresses(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
            let _ = self.0.lock().expect("unpoisoned").recv();
            Ok(Vec::new())
        }
    }
    let (unstick, stuck) = channel();
    let short = |url: &str| HttpRequest { limit: Duration::from_millis(50), ..request(url) };
    let began = Instant::now();
    let settings = HttpSettings::default();
    let error = Http::new(settings, Arc::new(Stuck(Mutex::new(stuck))))
        .fetch(&short("http://api.example.org/"))
        .expect_err("no answer");
    assert!(matches!(error, HttpError::TimedOut { .. }), "{error:?}");
    let (_hold, held) = channel::<()>();
    let held = Mutex::new(held);
    let silent = Server::answering(move |_stream| {
        let _ = held.lock().expect("unpoisoned").recv();
    });
    let url = format!("http://server.example:{}/", silent.port);
    let error = client(&here()).fetch(&short(&url)).expect_err("no answer");
    assert!(matches!(error, HttpError::TimedOut { .. }), "{error:?}");
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    drop(unstick);
}

#[test]
fn what_does_not_speak_http_fails_with_a_reason() {
    let garbled = Server::answering(|stream| drop(stream.write_all(b"SSH-2.0-x\r\n\r\n")));
    assert!(matches!(get(&garbled), Err(HttpError::Failed { .. })));
    let large = Server::answering(|stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    });
    assert!(get(&large).is_err(), "headers are bounded");
    let names = Names::of("server.example", &[]);
    let error = client(&names).fetch(&request("http://server.example/")).expect_err("no address");
    assert!(matches!(error, HttpError::Unreachable { .. }), "{error:?}");
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A server with the certificate of `server.example`.
fn secure() -> Server {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
    let certificate = CertificateDer::from_pem_file(data("server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(data("server.key.pem")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("it fits");
    let config = Arc::new(config);
    let wrap = move |stream| -> Box<dyn ReadWrite> {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).expect("a connection");
        Box::new(rustls::StreamOwned::new(connection, stream))
    };
    Server::with(wrap, say("hello"))
}

#[test]
fn only_a_certificate_that_counts_and_names_the_host_is_taken() {
    let server = secure();
    let names = Arc::new(Names {
        known: ["server.example", "other.example"]
            .map(|name| (name.to_owned(), vec![IpAddr::from([127, 0, 0, 1])]))
            .into(),
        asked: Mutex::default(),
    });
    let fetch = |host: &str, roots: PathBuf| {
        let loopback_hosts: BTreeSet<String> = names.known.keys().cloned().collect();
        let settings = HttpSettings { loopback_hosts, roots, ..HttpSettings::default() };
        let http = Http::new(settings, Arc::clone(&names) as Arc<dyn Lookup>);
        http.fetch(&request(&format!("https://{host}:{}/", server.port)))
    };
    let response = fetch("server.example", data("authority.pem")).expect("a good certificate");
    assert_eq!(response.body, b"hello");
    for (host, roots) in [
        // Of another name; of an authority that does not count; of none at all.
        ("other.example", data("authority.pem")),
        ("server.example", data("server.pem")),
        ("server.example", data("no-such-file.pem")),
    ] {
        let error = fetch(host, roots.clone()).expect_err("not taken");
        assert!(matches!(error, HttpError::Unreachable { .. }), "{host} {roots:?}: {error:?}");
    }
}

#[test]
fn proxies_of_the_environment_are_not_used() {
    let itself = std::env::current_exe().expect("its path");
    let inner = "http::a_fetch_comes_through_with_what_was_set_and_one_lookup";
    let mut again = Command::new(itself);
    again.args(["--exact", inner]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    {
        // Nobody listens there.
        again.env(name, "http://127.0.0.1:1");
    }
    let output = again.output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
