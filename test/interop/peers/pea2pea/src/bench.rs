//! Figures of the crate alone, for comparisons in one run: connection cycles and round trips, two nodes in this process on
//! loopback (its best case). `peer bench churn|rtt [seconds]`.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use pea2pea::{
    Config, ConnectionSide, Node, Pea2Pea,
    protocols::{Reading, Writing},
};
use serde_json::json;
use tokio::sync::Notify;

use crate::codec::{Framing, WireCodec};

#[derive(Clone)]
struct End {
    node: Node,
    echo: bool,
    got: Arc<Notify>,
}

impl Pea2Pea for End {
    fn node(&self) -> &Node {
        &self.node
    }
}

impl Reading for End {
    type Message = Bytes;
    type Codec = WireCodec;

    fn codec(&self, _: SocketAddr, _: ConnectionSide) -> WireCodec {
        WireCodec::new(Framing::U32be, 1 << 20, None)
    }

    async fn process_message(&self, source: SocketAddr, msg: Bytes) {
        if self.echo {
            let _ = self.unicast_fast(source, msg);
        } else {
            self.got.notify_one();
        }
    }
}

impl Writing for End {
    type Message = Bytes;
    type Codec = WireCodec;

    fn codec(&self, _: SocketAddr, _: ConnectionSide) -> WireCodec {
        WireCodec::new(Framing::U32be, 1 << 20, None)
    }
}

fn node(listen: bool) -> Node {
    Node::new(Config {
        listener_addr: listen.then(|| "127.0.0.1:0".parse().unwrap()),
        max_connections: 2000,
        max_connections_per_ip: 2000,
        ..Default::default()
    })
}

fn end(listen: bool, echo: bool) -> End {
    End { node: node(listen), echo, got: Arc::new(Notify::new()) }
}

pub async fn run(what: &str, seconds: f64) -> io::Result<()> {
    let limit = Duration::from_secs_f64(seconds);
    let far = end(true, true);
    far.enable_reading().await;
    far.enable_writing().await;
    let addr = far.node.toggle_listener().await?.unwrap();
    match what {
        "churn" => {
            // The dialer has no hooks.
            let near = node(false);
            let (mut cycles, from) = (0u64, Instant::now());
            while from.elapsed() < limit {
                near.connect(addr).await?;
                near.disconnect(addr).await;
                cycles += 1;
            }
            let s = from.elapsed().as_secs_f64();
            println!("{}", json!({"bench": "churn", "cycles": cycles, "per_s": cycles as f64 / s}));
        }
        "rtt" => {
            let near = end(false, false);
            near.enable_reading().await;
            near.enable_writing().await;
            near.node.connect(addr).await?;
            let msg = Bytes::from_static(&[7; 64]);
            let (mut times, from) = (vec![], Instant::now());
            while from.elapsed() < limit {
                let t = Instant::now();
                near.unicast_fast(addr, msg.clone())?;
                near.got.notified().await;
                times.push(t.elapsed().as_nanos() as u64);
            }
            times.sort();
            let at = |p: usize| times[(times.len() - 1) * p / 100] as f64 / 1000.0;
            println!("{}", json!({"bench": "rtt", "n": times.len(), "p50_us": at(50), "p99_us": at(99)}));
        }
        _ => return Err(io::Error::other("bench churn|rtt [seconds]")),
    }
    Ok(())
}
