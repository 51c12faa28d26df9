use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{iter, repeat, unfold};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tonic::Code;

use super::Caller;
use crate::build_options::OutputKind;
use crate::buildkit::complaints::Complaints;
use crate::buildkit::filesync::packet::{Packet, PacketType, Stat};
use crate::buildkit::outputs::Destinations;
use crate::buildkit::session::{BytesMessage, FileSend};
use crate::buildkit::tasks::Tasks;
use crate::error::ErrorKind;

const SEND: &str = "/moby.filesync.v1.FileSend/DiffCopy";
const FIRST: (&str, &str) = ("buildkit-attachable-exporter-id", "0");

struct Receiving {
    caller: Caller,
    destinations: Destinations,
    complaints: Arc<Complaints>,
    _tasks: Tasks,
}

async fn receiving(outputs: &[OutputKind]) -> Receiving {
    let tasks = Tasks::default();
    let destinations = Destinations::prepare(outputs.iter().enumerate()).unwrap();
    let complaints = Arc::new(Complaints::default());
    let caller = Caller::of(FileSend {
        places: destinations.places(),
        complaints: Arc::clone(&complaints),
        spawner: tasks.spawner(),
    });
    Receiving {
        caller: caller.await,
        destinations,
        complaints,
        _tasks: tasks,
    }
}

fn pieces(texts: &'static [&'static str]) -> impl Stream<Item = BytesMessage> + Send {
    iter(texts).map(|text| BytesMessage {
        data: Bytes::from_static(text.as_bytes()),
    })
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn each_exporter_writes_its_own_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let outputs = [OutputKind::Tar(path("a")), OutputKind::Oci(path("b"))];
    let receiving = receiving(&outputs).await;
    for (id, texts) in [("1", &["b", "", "c"][..]), ("0", &["a"])] {
        let metadata = [("buildkit-attachable-exporter-id", id)];
        let answer = receiving
            .caller
            .streams(SEND, &metadata, pieces(texts))
            .await;
        let end = answer.unwrap().message().await as Result<Option<BytesMessage>, _>;
        assert_eq!(end.unwrap(), None);
    }
    assert!(
        names(folder.path())
            .iter()
            .all(|name| name.starts_with('.'))
    );
    receiving.destinations.commit().await.unwrap();
    assert_eq!(names(folder.path()), ["a", "b"]);
    assert_eq!(fs::read_to_string(path("b")).unwrap(), "bc");
}

#[tokio::test]
async fn an_engine_that_names_no_exporter_has_one() {
    let folder = tempfile::tempdir().unwrap();
    let outputs = [OutputKind::Tar(folder.path().join("a"))];
    let receiving = receiving(&outputs).await;
    let answer = receiving.caller.streams(SEND, &[], pieces(&["x"])).await;
    let end: Option<BytesMessage> = answer.unwrap().message().await.unwrap();
    assert_eq!(end, None);
    receiving.destinations.commit().await.unwrap();

    for wrong in ["1", "-1", "x"] {
        let metadata = [("buildkit-attachable-exporter-id", wrong)];
        let answer = receiving
            .caller
            .streams(SEND, &metadata, pieces(&["x"]))
            .await;
        let status: Result<Option<BytesMessage>, _> = match answer {
            Ok(mut answer) => answer.message().await,
            Err(status) => Err(status),
        };
        assert_eq!(status.unwrap_err().code(), Code::NotFound);
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_file_when_the_connection_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let outputs = [OutputKind::Docker(folder.path().join("image.tar"))];
    let receiving = receiving(&outputs).await;
    let endless = repeat(BytesMessage {
        data: Bytes::from_static(&[0; 1024]),
    });
    let answer = receiving.caller.streams(SEND, &[FIRST], endless).await;
    let _answer: tonic::Streaming<BytesMessage> = answer.unwrap();
    while names(folder.path()).is_empty() {
        tokio::task::yield_now().await;
    }
    let Receiving {
        caller,
        destinations,
        ..
    } = receiving;
    drop(caller);
    assert!(destinations.commit().await.is_err());
    drop(destinations);
    assert!(names(folder.path()).is_empty());
}

fn packet(kind: PacketType, id: u32, data: &str, stat: Option<Stat>) -> Packet {
    Packet {
        r#type: kind.into(),
        id,
        data: data.to_owned().into(),
        stat,
    }
}

fn file(path: &str, size: i64) -> Packet {
    let stat = Stat {
        path: path.into(),
        mode: 0o644,
        size,
        ..Stat::default()
    };
    packet(PacketType::Stat, 0, "", Some(stat))
}

#[tokio::test]
async fn a_folder_is_whole_when_both_sides_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let outputs = [OutputKind::Local(folder.path().join("out"))];
    let receiving = receiving(&outputs).await;
    let (packets, outbound) = mpsc::channel::<Packet>(8);
    let outbound = unfold(outbound, |mut outbound| async {
        Some((outbound.recv().await?, outbound))
    });
    packets.send(file("a", 3)).await.unwrap();
    packets
        .send(packet(PacketType::Stat, 0, "", None))
        .await
        .unwrap();
    let answer = receiving.caller.streams(SEND, &[FIRST], outbound).await;
    let mut answer: tonic::Streaming<Packet> = answer.unwrap();
    let wish = answer.message().await.unwrap().unwrap();
    assert_eq!((wish.r#type(), wish.id), (PacketType::Req, 0));
    assert!(
        receiving.destinations.commit().await.is_err(),
        "it is not whole yet"
    );
    for data in ["abc", ""] {
        packets
            .send(packet(PacketType::Data, 0, data, None))
            .await
            .unwrap();
    }
    let fin = answer.message().await.unwrap().unwrap();
    assert_eq!(fin.r#type(), PacketType::Fin);
    packets
        .send(packet(PacketType::Fin, 0, "", None))
        .await
        .unwrap();
    assert_eq!(answer.message().await.unwrap(), None);
    receiving.destinations.commit().await.unwrap();
    assert_eq!(
        fs::read_to_string(folder.path().join("out/a")).unwrap(),
        "abc"
    );
}

#[tokio::test]
async fn an_attack_ends_the_transfer_and_is_complained_about() {
    let folder = tempfile::tempdir().unwrap();
    let outputs = [OutputKind::Local(folder.path().join("out"))];
    let receiving = receiving(&outputs).await;
    let packets = iter([file("../evil", 0)]).chain(futures_util::stream::pending());
    let answer = receiving.caller.streams(SEND, &[FIRST], packets).await;
    let mut answer: tonic::Streaming<Packet> = answer.unwrap();
    let reason = answer.message().await.unwrap().unwrap();
    assert_eq!(reason.r#type(), PacketType::Err);
    let status = answer.message().await.unwrap_err();
    let complaint = receiving.complaints.take("").unwrap();
    assert_eq!(complaint.kind, ErrorKind::EngineProtocol);
    assert_eq!(status.message(), complaint.message);
    assert!(receiving.destinations.commit().await.is_err());
    assert_eq!(names(folder.path()), ["out"]);
}

#[tokio::test]
async fn a_stream_that_never_ends_ends_with_the_build() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let receiving = receiving(&[OutputKind::Local(out.clone())]).await;
    let entries = iter(0_u64..).map(|number| file(&format!("{number:020}"), 1 << 40));
    let answer = receiving.caller.streams(SEND, &[FIRST], entries).await;
    let _answer: tonic::Streaming<Packet> = answer.unwrap();
    while !out.exists() || names(&out).is_empty() {
        tokio::task::yield_now().await;
    }
    let Receiving {
        caller,
        destinations,
        ..
    } = receiving;
    drop(destinations);
    assert!(names(&out).is_empty(), "all that was begun is gone");
    drop(caller);
}
