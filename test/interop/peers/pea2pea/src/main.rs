//! A scriptable pea2pea 0.57.4 node for interop tests. One JSON object per line on stdout.
//! Loopback only; always exits on its own (`--timeout`, default 30 s).

mod bench;
mod codec;
mod hs;

use std::{
    collections::HashMap,
    io::{self, Write as _},
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::*},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use codec::{Framing, WireCodec};
use parking_lot::Mutex;
use pea2pea::{
    Config, Connection, ConnectionSide, Node, Pea2Pea,
    connections::DisconnectOrigin,
    protocols::{Handshake, OnConnect, OnDisconnect, Reading, Writing},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::{sleep, timeout},
};

pub static START: OnceLock<Instant> = OnceLock::new();
static PRETTY_HEX: usize = 48;

/// Prints one event line.
pub fn emit(ev: &str, mut v: Value) {
    let o = v.as_object_mut().unwrap();
    o.insert("ev".into(), json!(ev));
    o.insert(
        "t".into(),
        json!(START.get().unwrap().elapsed().as_micros() as u64),
    );
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{v}");
    let _ = out.flush();
}

#[derive(Clone)]
pub struct Opts {
    port: u16,
    ip: String,
    listen: bool,
    connect: Vec<SocketAddr>,
    source_ip: Option<String>,
    pub framing: Framing,
    pub max_frame: usize,
    pub handshake: hs::Kind,
    pub noise: Option<String>,
    pub psk: Option<Vec<u8>>,
    pub noise_payload: String,
    pub name: Option<String>,
    pub node_id: u64,
    pub nodelay: bool,
    echo: bool,
    rpc: bool,
    rpc_call: Vec<String>,
    ora: bool,
    hello: Option<String>,
    bye: Option<String>,
    send: u64,
    size: usize,
    rate: u64,
    quiet: bool,
    slow_ms: u64,
    disconnect_after: Option<u64>,
    shutdown_after: Option<u64>,
    expect: Option<u64>,
    no_read: bool,
    no_write: bool,
    stdin: bool,
    stats_ms: u64,
    timeout_ms: u64,
    profile: String,
    max_connections: u16,
    per_ip: u16,
    max_connecting: u16,
    connection_timeout_ms: u16,
}

const HELP: &str = "\
peer node [options]           one pea2pea node; JSON lines on stdout
peer bench churn|rtt [seconds]  figures of the crate, two nodes in one process
  --port P                    listen on 127.0.0.1:P (0 = any; the 'listening' event has it)
  --ip IP | --no-listen       loopback address to bind; do not listen at all
  --connect A[,A..]           dial after start (loopback only); --source-ip IP binds the dialer
  --framing F                 line|raw|byte1|u8|u16be|u16le|u32be|u32le|varint|msg   (default u32be)
                              msg = one noise record is one message (default with --noise)
  --max-frame N               limit on a frame's payload
  --handshake K               none|noise|name|dht|chaos|nonce|twobyte  (wire formats: pea2pea.md)
  --noise PATTERN             implies --handshake noise; e.g. Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s
  --psk HEX | --noise-payload TEXT | --node-id N | --nodelay
  --echo                      send every message back
  --rpc                       answer the simple_rpc protocol; --rpc-call TEXT (repeatable) asks
  --ora                       the fixed-length Ora/Muda exchange (with --framing byte1)
  --hello TEXT / --bye TEXT   sent from on_connect / from on_disconnect (awaited)
  --send N --size S --rate R  on each connection we dialed send N messages of S bytes (R/s, 0 = flat out)
  --slow MS                   sleep in process_message (backpressure tests)
  --quiet                     no per-message events
  --no-read / --no-write      do not enable that protocol
  --disconnect-after MS       disconnect everything MS after a connection is up
  --shutdown-after MS         call shut_down MS after start, then exit
  --expect N                  shut down and exit once N messages were received
  --stdin                     commands: connect A | disconnect A | text A T | hex A H | stats | toggle | quit
  --stats MS                  a stats event every MS
  --profile P                 default|fast|tiny|lossy|noidle|pinned  (trait constants)
  --max-connections N --per-ip N --max-connecting N --connection-timeout MS
  --timeout MS                hard exit, default 30000
";

fn parse_args() -> Opts {
    let mut o = Opts {
        port: 0,
        ip: "127.0.0.1".into(),
        listen: true,
        connect: vec![],
        source_ip: None,
        framing: Framing::U32be,
        max_frame: 8 * 1024 * 1024,
        handshake: hs::Kind::None,
        noise: None,
        psk: None,
        noise_payload: String::new(),
        name: None,
        node_id: 0,
        nodelay: false,
        echo: false,
        rpc: false,
        rpc_call: vec![],
        ora: false,
        hello: None,
        bye: None,
        send: 0,
        size: 16,
        rate: 0,
        quiet: false,
        slow_ms: 0,
        disconnect_after: None,
        shutdown_after: None,
        expect: None,
        no_read: false,
        no_write: false,
        stdin: false,
        stats_ms: 0,
        timeout_ms: 30_000,
        profile: "default".into(),
        max_connections: 100,
        per_ip: 100,
        max_connecting: 100,
        connection_timeout_ms: 1_000,
    };
    let mut framing_given = false;
    let mut a = std::env::args().skip(1);
    match a.next().as_deref() {
        Some("node") => {}
        _ => {
            eprint!("{HELP}");
            std::process::exit(2)
        }
    }
    fn num<T: std::str::FromStr>(k: &str, v: Option<String>) -> T {
        v.and_then(|v| v.parse().ok()).unwrap_or_else(|| {
            eprintln!("bad value for {k}");
            std::process::exit(2)
        })
    }
    while let Some(k) = a.next() {
        match k.as_str() {
            "--port" => o.port = num(&k, a.next()),
            "--ip" => o.ip = num(&k, a.next()),
            "--no-listen" => o.listen = false,
            "--connect" => {
                for p in num::<String>(&k, a.next()).split(',') {
                    o.connect.push(num(&k, Some(p.into())));
                }
            }
            "--source-ip" => o.source_ip = a.next(),
            "--framing" => {
                o.framing = num(&k, a.next());
                framing_given = true;
            }
            "--max-frame" => o.max_frame = num(&k, a.next()),
            "--handshake" => o.handshake = num(&k, a.next()),
            "--noise" => {
                o.noise = a.next();
                o.handshake = hs::Kind::Noise;
            }
            "--psk" => o.psk = codec::unhex(&num::<String>(&k, a.next())),
            "--noise-payload" => o.noise_payload = num(&k, a.next()),
            "--name" => o.name = a.next(),
            "--node-id" => o.node_id = num(&k, a.next()),
            "--nodelay" => o.nodelay = true,
            "--echo" => o.echo = true,
            "--rpc" => o.rpc = true,
            "--rpc-call" => o.rpc_call.push(num(&k, a.next())),
            "--ora" => o.ora = true,
            "--hello" => o.hello = a.next(),
            "--bye" => o.bye = a.next(),
            "--send" => o.send = num(&k, a.next()),
            "--size" => o.size = num(&k, a.next()),
            "--rate" => o.rate = num(&k, a.next()),
            "--quiet" => o.quiet = true,
            "--slow" => o.slow_ms = num(&k, a.next()),
            "--disconnect-after" => o.disconnect_after = Some(num(&k, a.next())),
            "--shutdown-after" => o.shutdown_after = Some(num(&k, a.next())),
            "--expect" => o.expect = Some(num(&k, a.next())),
            "--no-read" => o.no_read = true,
            "--no-write" => o.no_write = true,
            "--stdin" => o.stdin = true,
            "--stats" => o.stats_ms = num(&k, a.next()),
            "--profile" => o.profile = num(&k, a.next()),
            "--max-connections" => o.max_connections = num(&k, a.next()),
            "--per-ip" => o.per_ip = num(&k, a.next()),
            "--max-connecting" => o.max_connecting = num(&k, a.next()),
            "--connection-timeout" => o.connection_timeout_ms = num(&k, a.next()),
            "--timeout" => o.timeout_ms = num(&k, a.next()),
            _ => {
                eprintln!("unknown option {k}\n{HELP}");
                std::process::exit(2)
            }
        }
    }
    if matches!(o.handshake, hs::Kind::Noise) {
        if o.noise.is_none() {
            o.noise = Some("Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s".into());
        }
        if !framing_given {
            o.framing = Framing::Msg;
        }
    }
    for c in &o.connect {
        guard_loopback(*c);
    }
    o
}

fn guard_loopback(a: SocketAddr) {
    if !a.ip().is_loopback() {
        eprintln!("{a} is not a loopback address");
        std::process::exit(2)
    }
}

/// The trait constants cannot be set at run time, hence a few sets of them.
pub trait Profile: Clone + Send + Sync + 'static {
    const HS_MS: u64 = 3_000;
    const IDLE_MS: u64 = 60_000;
    const RQ: usize = 64;
    const BP: bool = true;
    const WQ: usize = 64;
    const W_MS: u64 = 10_000;
    const OD_MS: u64 = 3_000;
    const ABORTABLE: bool = true;
}
macro_rules! profile {
    ($n:ident { $($k:ident: $t:ty = $v:expr),* }) => {
        #[derive(Clone)] pub struct $n;
        impl Profile for $n { $(const $k: $t = $v;)* }
    };
}
profile!(PDefault {});
profile!(PFast { HS_MS: u64 = 300, IDLE_MS: u64 = 500, W_MS: u64 = 400, OD_MS: u64 = 300 });
profile!(PTiny { RQ: usize = 1, WQ: usize = 1 });
profile!(PLossy { RQ: usize = 1, BP: bool = false });
profile!(PNoIdle { IDLE_MS: u64 = 0 });
profile!(PPinned { ABORTABLE: bool = false });

pub struct Shared {
    pub opts: Opts,
    pub noise: Mutex<HashMap<SocketAddr, codec::NoiseKeys>>,
    received: AtomicU64,
    processed_bytes: AtomicU64,
    first_rx: OnceLock<Instant>,
    done: tokio::sync::Notify,
    rpc_id: AtomicU64,
    on_c: AtomicU64,
    on_d: AtomicU64,
}

#[derive(Clone)]
pub struct Peer<P> {
    node: Node,
    pub sh: Arc<Shared>,
    _p: P,
}

impl<P: Profile> Pea2Pea for Peer<P> {
    fn node(&self) -> &Node {
        &self.node
    }
}

fn side_s(own: ConnectionSide) -> &'static str {
    match own {
        ConnectionSide::Initiator => "initiator",
        ConnectionSide::Responder => "responder",
    }
}

impl<P: Profile> Handshake for Peer<P> {
    const TIMEOUT_MS: u64 = P::HS_MS;

    async fn perform_handshake(&self, mut conn: Connection) -> io::Result<Connection> {
        let (own, addr) = (!conn.side(), conn.addr());
        let sh = self.sh.clone();
        let stream = self.borrow_stream(&mut conn);
        if sh.opts.nodelay {
            stream.set_nodelay(true)?;
        }
        let listen_port = self.node.listening_addr().await.map_or(0, |a| a.port());
        let name = self.node.name().to_string();
        match hs::run(&sh, stream, own, addr, &name, listen_port).await {
            Ok(info) => {
                emit(
                    "handshake",
                    json!({"addr": addr.to_string(), "side": side_s(own), "ok": true, "info": info}),
                );
                Ok(conn)
            }
            Err(e) => {
                emit(
                    "handshake",
                    json!({"addr": addr.to_string(), "side": side_s(own), "ok": false, "error": e.to_string(), "kind": format!("{:?}", e.kind())}),
                );
                Err(e)
            }
        }
    }
}

impl<P: Profile> Reading for Peer<P> {
    const MESSAGE_QUEUE_DEPTH: usize = P::RQ;
    const BACKPRESSURE: bool = P::BP;
    const IDLE_TIMEOUT_MS: u64 = P::IDLE_MS;
    type Message = Bytes;
    type Codec = WireCodec;

    fn codec(&self, addr: SocketAddr, _side: ConnectionSide) -> WireCodec {
        let keys = self.sh.noise.lock().get(&addr).cloned();
        WireCodec::new(self.sh.opts.framing, self.sh.opts.max_frame, keys)
    }

    async fn process_message(&self, source: SocketAddr, msg: Bytes) {
        let o = &self.sh.opts;
        if o.slow_ms > 0 {
            sleep(Duration::from_millis(o.slow_ms)).await;
        }
        let n = self.sh.received.fetch_add(1, Relaxed) + 1;
        self.sh.processed_bytes.fetch_add(msg.len() as u64, Relaxed);
        self.sh.first_rx.get_or_init(Instant::now);
        if !o.quiet {
            let text = std::str::from_utf8(&msg).ok().filter(|t| t.len() <= 200);
            emit(
                "message",
                json!({"addr": source.to_string(), "n": n, "len": msg.len(), "hex": codec::hex(&msg[..msg.len().min(PRETTY_HEX)]), "text": text}),
            );
        }
        if o.echo {
            self.send_retry(source, msg.clone()).await;
        }
        if (o.rpc || !o.rpc_call.is_empty()) && msg.len() >= 9 {
            let id = u64::from_be_bytes(msg[1..9].try_into().unwrap());
            let data = String::from_utf8_lossy(&msg[9..]).into_owned();
            if msg[0] == 0 && o.rpc {
                let mut r = vec![1u8];
                r.extend_from_slice(&id.to_be_bytes());
                r.extend_from_slice(format!("processed: {}", data.to_uppercase()).as_bytes());
                let _ = self.unicast_fast(source, r.into());
            } else if msg[0] == 1 {
                emit("rpc_reply", json!({"id": id, "data": data}));
            }
        }
        if o.ora && msg.len() == 1 {
            let _ = self.unicast_fast(source, Bytes::copy_from_slice(&[1 - (msg[0] & 1)]));
        }
        if Some(n) == o.expect {
            self.sh.done.notify_one();
        }
    }
}

impl<P: Profile> Writing for Peer<P> {
    const MESSAGE_QUEUE_DEPTH: usize = P::WQ;
    const TIMEOUT_MS: u64 = P::W_MS;
    type Message = Bytes;
    type Codec = WireCodec;

    fn codec(&self, addr: SocketAddr, _side: ConnectionSide) -> WireCodec {
        let keys = self.sh.noise.lock().remove(&addr);
        WireCodec::new(self.sh.opts.framing, self.sh.opts.max_frame, keys)
    }
}

impl<P: Profile> OnConnect for Peer<P> {
    const ABORTABLE: bool = P::ABORTABLE;

    async fn on_connect(&self, addr: SocketAddr) {
        self.sh.on_c.fetch_add(1, Relaxed);
        let own = self.node.connection_info(addr).map(|i| !i.side());
        emit(
            "connected",
            json!({"addr": addr.to_string(), "side": own.map(side_s), "conns": self.node.num_connected()}),
        );
        let o = &self.sh.opts;
        if let Some(h) = &o.hello {
            self.send_retry(addr, Bytes::from(h.clone())).await;
        }
        for text in &o.rpc_call {
            let id = self.sh.rpc_id.fetch_add(1, Relaxed);
            let mut r = vec![0u8];
            r.extend_from_slice(&id.to_be_bytes());
            r.extend_from_slice(text.as_bytes());
            self.send_retry(addr, r.into()).await;
        }
        if o.ora && own == Some(ConnectionSide::Initiator) {
            let _ = self.unicast_fast(addr, Bytes::from_static(&[0]));
        }
        if own == Some(ConnectionSide::Initiator) && o.send > 0 {
            let me = self.clone();
            tokio::spawn(async move { me.blast(addr).await });
        }
        if let Some(ms) = o.disconnect_after {
            let me = self.clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(ms)).await;
                let done = me.node.disconnect(addr).await;
                emit("disconnect_call", json!({"addr": addr.to_string(), "did": done}));
            });
        }
    }
}

impl<P: Profile> OnDisconnect for Peer<P> {
    const TIMEOUT_MS: u64 = P::OD_MS;

    async fn on_disconnect(&self, addr: SocketAddr, origin: DisconnectOrigin) {
        self.sh.on_d.fetch_add(1, Relaxed);
        let stats = self.node.connection_info(addr).map(
            |i| json!({"sent": i.stats().sent(), "received": i.stats().received()}),
        );
        if let Some(b) = &self.sh.opts.bye {
            let r = match self.unicast(addr, Bytes::from(b.clone())) {
                Ok(rx) => format!("{:?}", rx.await),
                Err(e) => format!("{:?}", e.kind()),
            };
            emit("bye", json!({"addr": addr.to_string(), "result": r}));
        }
        emit(
            "disconnected",
            json!({"addr": addr.to_string(), "origin": format!("{origin:?}"), "stats": stats}),
        );
    }
}

impl<P: Profile> Peer<P> {
    async fn send_retry(&self, addr: SocketAddr, msg: Bytes) -> bool {
        loop {
            match self.unicast_fast(addr, msg.clone()) {
                Ok(()) => return true,
                Err(e) if e.kind() == io::ErrorKind::QuotaExceeded => {
                    sleep(Duration::from_micros(50)).await
                }
                Err(e) => {
                    emit("send_error", json!({"addr": addr.to_string(), "kind": format!("{:?}", e.kind())}));
                    return false;
                }
            }
        }
    }

    async fn blast(&self, addr: SocketAddr) {
        let o = &self.sh.opts;
        let body = Bytes::from((0..o.size).map(|i| b'a' + (i % 26) as u8).collect::<Vec<_>>());
        let t0 = Instant::now();
        let (mut ok, mut full) = (0u64, 0u64);
        for i in 0..o.send {
            loop {
                let last = i + 1 == o.send || (i + 1) % P::WQ as u64 == 0;
                let r = if last {
                    match self.unicast(addr, body.clone()) {
                        Ok(rx) => match rx.await {
                            Ok(Ok(())) => Ok(()),
                            Ok(Err(e)) => Err(e),
                            Err(_) => Err(io::ErrorKind::ConnectionReset.into()),
                        },
                        Err(e) => Err(e),
                    }
                } else {
                    self.unicast_fast(addr, body.clone())
                };
                match r {
                    Ok(()) => {
                        ok += 1;
                        break;
                    }
                    Err(e) if e.kind() == io::ErrorKind::QuotaExceeded => {
                        full += 1;
                        tokio::task::yield_now().await;
                    }
                    Err(e) => {
                        emit("send_error", json!({"addr": addr.to_string(), "kind": format!("{:?}", e.kind()), "sent": ok}));
                        return;
                    }
                }
            }
            if o.rate > 0 {
                sleep(Duration::from_micros(1_000_000 / o.rate)).await;
            }
        }
        let s = t0.elapsed().as_secs_f64();
        emit("sent", json!({"addr": addr.to_string(), "messages": ok, "bytes": ok * o.size as u64, "full": full, "seconds": s, "per_s": ok as f64 / s}));
    }

    fn stats(&self) {
        let (n, h) = (&self.node, self.node.heuristics());
        let rx = self.sh.received.load(Relaxed);
        let span = self.sh.first_rx.get().map(|i| i.elapsed().as_secs_f64());
        emit("stats", json!({
            "sent": n.stats().sent(), "received": n.stats().received(),
            "processed": rx, "processed_bytes": self.sh.processed_bytes.load(Relaxed),
            "since_first_s": span,
            "connected": n.num_connected(), "connecting": n.num_connecting(),
            "on_connect": self.sh.on_c.load(Relaxed), "on_disconnect": self.sh.on_d.load(Relaxed),
            "heuristics": {
                "connect_budget_rejections": h.connect_budget_rejections(),
                "inbound_connections_rejected": h.inbound_connections_rejected(),
                "accept_errors": h.accept_errors(),
                "handshake_timeouts": h.handshake_timeouts(),
                "idle_timeouts": h.idle_timeouts(),
                "write_timeouts": h.write_timeouts(),
            }
        }));
    }

    async fn dial(&self, a: SocketAddr) {
        let r = match &self.sh.opts.source_ip {
            Some(ip) => match tokio::net::TcpSocket::new_v4().and_then(|s| {
                s.bind(SocketAddr::new(ip.parse().unwrap(), 0)).map(|_| s)
            }) {
                Ok(s) => self.node.connect_using_socket(a, s).await,
                Err(e) => Err(e),
            },
            None => self.node.connect(a).await,
        };
        match r {
            Ok(()) => emit("connect_ok", json!({"addr": a.to_string()})),
            Err(e) => emit("connect_error", json!({"addr": a.to_string(), "kind": format!("{:?}", e.kind()), "error": e.to_string(), "shutting_down": pea2pea::ShuttingDown::caused(&e)})),
        }
    }

    async fn command(&self, line: &str) -> bool {
        let mut w = line.splitn(3, ' ');
        let (c, a, rest) = (w.next().unwrap_or(""), w.next().and_then(|a| a.parse::<SocketAddr>().ok()), w.next().unwrap_or(""));
        match (c, a) {
            ("connect", Some(a)) => {
                if a.ip().is_loopback() {
                    self.dial(a).await
                }
            }
            ("disconnect", Some(a)) => {
                let did = self.node.disconnect(a).await;
                emit("disconnect_call", json!({"addr": a.to_string(), "did": did}));
            }
            ("text", Some(a)) | ("hex", Some(a)) => {
                let body = if c == "hex" { codec::unhex(rest).unwrap_or_default() } else { rest.as_bytes().to_vec() };
                let r = match self.unicast(a, body.into()) {
                    Ok(rx) => match rx.await {
                        Ok(Ok(())) => "ok".into(),
                        Ok(Err(e)) => format!("{:?}", e.kind()),
                        Err(_) => "dropped".into(),
                    },
                    Err(e) => format!("{:?}", e.kind()),
                };
                emit("send_result", json!({"addr": a.to_string(), "result": r}));
            }
            ("stats", _) => self.stats(),
            ("addrs", _) => emit("addrs", json!({"addrs": self.node.connected_addrs().iter().map(|a| a.to_string()).collect::<Vec<_>>()})),
            ("toggle", _) => {
                let r = self.node.toggle_listener().await;
                emit("toggle", json!({"result": format!("{r:?}")}));
            }
            ("quit", _) => return false,
            ("", _) => {}
            _ => emit("bad_command", json!({"line": line})),
        }
        true
    }
}

async fn run<P: Profile>(opts: Opts, p: P) -> i32 {
    let node = Node::new(Config {
        name: opts.name.clone(),
        listener_addr: opts.listen.then(|| SocketAddr::new(opts.ip.parse().unwrap(), opts.port)),
        max_connections: opts.max_connections,
        max_connections_per_ip: opts.per_ip,
        max_connecting: opts.max_connecting,
        connection_timeout_ms: opts.connection_timeout_ms,
        ..Default::default()
    });
    let me = Peer {
        node,
        sh: Arc::new(Shared {
            opts: opts.clone(),
            noise: Default::default(),
            received: Default::default(),
            processed_bytes: Default::default(),
            first_rx: Default::default(),
            done: Default::default(),
            rpc_id: Default::default(),
            on_c: Default::default(),
            on_d: Default::default(),
        }),
        _p: p,
    };
    if !matches!(opts.handshake, hs::Kind::None) || opts.nodelay {
        me.enable_handshake().await;
    }
    if !opts.no_read {
        me.enable_reading().await;
    }
    if !opts.no_write {
        me.enable_writing().await;
    }
    me.enable_on_connect().await;
    me.enable_on_disconnect().await;
    if opts.listen {
        match me.node.toggle_listener().await {
            Ok(a) => emit("listening", json!({"addr": a.unwrap().to_string(), "name": me.node.name(), "pid": std::process::id()})),
            Err(e) => {
                emit("listen_error", json!({"error": e.to_string()}));
                return 1;
            }
        }
    }
    for a in &opts.connect {
        me.dial(*a).await;
    }
    if opts.stats_ms > 0 {
        let m = me.clone();
        tokio::spawn(async move {
            loop {
                sleep(Duration::from_millis(m.sh.opts.stats_ms)).await;
                m.stats();
            }
        });
    }
    let body = async {
        let stdin = async {
            if !opts.stdin {
                std::future::pending::<()>().await;
            }
            let mut lines = BufReader::new(tokio::io::stdin()).lines();
            while let Ok(Some(l)) = lines.next_line().await {
                if !me.command(l.trim()).await {
                    return;
                }
            }
            // end of input: run until another reason to stop
            std::future::pending::<()>().await;
        };
        let shut = async {
            match opts.shutdown_after {
                Some(ms) => sleep(Duration::from_millis(ms)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = stdin => "quit",
            _ = shut => "shutdown-after",
            _ = me.sh.done.notified() => "expect",
        }
    };
    let why = timeout(Duration::from_millis(opts.timeout_ms), body).await.unwrap_or("timeout");
    me.stats();
    let t = Instant::now();
    let _ = timeout(Duration::from_secs(8), me.node.shut_down()).await;
    emit("exit", json!({"why": why, "shut_down_us": t.elapsed().as_micros() as u64,
        "left": me.node.num_connected(), "on_connect": me.sh.on_c.load(Relaxed), "on_disconnect": me.sh.on_d.load(Relaxed)}));
    0
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    START.set(Instant::now()).unwrap();
    let mut given = std::env::args().skip(1);
    if given.next().as_deref() == Some("bench") {
        let what = given.next().unwrap_or_default();
        let seconds = given.next().and_then(|s| s.parse().ok()).unwrap_or(1.0);
        if let Err(e) = bench::run(&what, seconds).await {
            eprintln!("{e}");
            std::process::exit(1);
        }
        return;
    }
    let o = parse_args();
    // a hard stop, should shut_down itself hang
    let hard = o.timeout_ms + 10_000;
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(hard));
        std::process::exit(3);
    });
    let code = match o.profile.as_str() {
        "fast" => run(o, PFast).await,
        "tiny" => run(o, PTiny).await,
        "lossy" => run(o, PLossy).await,
        "noidle" => run(o, PNoIdle).await,
        "pinned" => run(o, PPinned).await,
        _ => run(o, PDefault).await,
    };
    std::process::exit(code);
}
