//! What the engine may do with one store.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::{try_unfold, unfold};
use tokio::task::spawn_blocking;
use tonic::{Status, Streaming};

use crate::build_context::failure::unreadable;
use crate::buildkit::complaints::Complaints;
use crate::buildkit::content::messages::{
    Info, InfoRequest, InfoResponse, ReadContentRequest, ReadContentResponse, WriteAction,
    WriteContentRequest, WriteContentResponse, timestamp,
};
use crate::buildkit::content::{Digest, Ingest, Layout, Problem, Use, exists};

/// Content of one message; the engine asks for no more than it has room for.
const PIECE_BYTES: u64 = 1 << 20;

/// Does work that waits for the disk on a thread that may wait.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    let gone = |_| Status::internal("the thread that reads or writes content ended");
    spawn_blocking(work).await.map_err(gone)?
}

/// One store, in one call.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) layout: Arc<Layout>,
    pub(super) complaints: Arc<Complaints>,
}

impl Store {
    /// Looks at a blob.
    pub(super) fn info(&self, InfoRequest { digest }: InfoRequest) -> Result<InfoResponse, Status> {
        let digest = parse(&digest)?;
        let blob = self.layout.look(&digest);
        let blob = blob.map_err(|error| self.unreadable(&digest, error))?;
        let time = Some(timestamp(blob.modified));
        Ok(InfoResponse {
            info: Some(Info {
                digest: digest.to_string(),
                size: i64::try_from(blob.size_bytes).unwrap_or(i64::MAX),
                created_at: time,
                updated_at: time,
                ..Info::default()
            }),
        })
    }

    /// The part of a blob that is wanted, piece by piece.
    pub(super) async fn read(
        self,
        wanted: &ReadContentRequest,
    ) -> Result<impl Stream<Item = Result<ReadContentResponse, Status>> + Send + use<>, Status>
    {
        let digest = parse(&wanted.digest)?;
        let start = u64::try_from(wanted.offset).unwrap_or_default();
        let length = u64::try_from(wanted.size).ok().filter(|size| *size > 0);
        let open = move || {
            let opened = self.layout.open(&digest).and_then(|mut file| {
                let size_bytes = file.metadata()?.len();
                file.seek(SeekFrom::Start(start))?;
                Ok((file, size_bytes))
            });
            let (file, size_bytes) = opened.map_err(|error| self.unreadable(&digest, error))?;
            let rest = size_bytes.checked_sub(start).ok_or_else(|| {
                Status::out_of_range(format!("content {digest} has {size_bytes} bytes"))
            })?;
            let left_bytes = length.map_or(rest, |length| length.min(rest));
            Ok((self, digest, file, left_bytes))
        };
        let (store, digest, file, left_bytes) = blocking(open).await?;
        let begin = (store, digest, file, 0, left_bytes);
        Ok(try_unfold(
            begin,
            |(store, digest, mut file, offset, left_bytes)| async move {
                if left_bytes == 0 {
                    return Ok(None);
                }
                blocking(move || {
                    let length = left_bytes.min(PIECE_BYTES);
                    let mut data = vec![0; usize::try_from(length).unwrap_or_default()];
                    let read = file.read_exact(&mut data);
                    read.map_err(|error| store.unreadable(&digest, error))?;
                    let message = ReadContentResponse {
                        offset: i64::try_from(offset).unwrap_or(i64::MAX),
                        data: Bytes::from(data),
                    };
                    let next = (store, digest, file, offset + length, left_bytes - length);
                    Ok(Some((message, next)))
                })
                .await
            },
        ))
    }

    /// Answers the messages of one write.
    pub(super) fn write(
        self,
        inbound: Streaming<WriteContentRequest>,
    ) -> impl Stream<Item = Result<WriteContentResponse, Status>> + Send + use<> {
        let begin = Some((self, inbound, None::<Ingest>));
        unfold(begin, |state| async {
            let (store, mut inbound, ingest) = state?;
            let request = match inbound.message().await {
                Ok(Some(request)) => request,
                // Without a commit nothing stays.
                Ok(None) => return None,
                Err(status) => return Some((Err(status), None)),
            };
            let working = store.clone();
            let answered = blocking(move || working.answer_write(&request, ingest)).await;
            match answered {
                Ok((answer, Some(ingest))) => {
                    Some((Ok(answer), Some((store, inbound, Some(ingest)))))
                }
                Ok((answer, None)) => Some((Ok(answer), None)),
                Err(status) => Some((Err(status), None)),
            }
        })
    }

    /// Answers one message of a write. Without an [`Ingest`] it is the first, and after a commit there is none.
    fn answer_write(
        &self,
        request: &WriteContentRequest,
        ingest: Option<Ingest>,
    ) -> Result<(WriteContentResponse, Option<Ingest>), Status> {
        let action = WriteAction::try_from(request.action)
            .map_err(|_| Status::invalid_argument("unknown action"))?;
        let expected = match &*request.expected {
            "" => None,
            text => Some(parse(text)?),
        };
        if let Some(expected) = &expected
            && self.layout.look(expected).is_ok()
        {
            return Err(exists(expected));
        }
        let problem = |problem| self.problem(problem);
        let mut ingest = match ingest {
            Some(mut ingest) => {
                ingest.expect(request.total, expected);
                ingest
            }
            None if request.r#ref.is_empty() => {
                return Err(Status::invalid_argument(
                    "the first message needs a reference",
                ));
            }
            None => {
                let layout = Arc::clone(&self.layout);
                Ingest::begin(layout, &request.r#ref, request.total, expected).map_err(problem)?
            }
        };
        if action != WriteAction::Stat {
            ingest.seek(request.offset).map_err(problem)?;
            ingest.append(&request.data).map_err(problem)?;
        }
        let progress = ingest.progress();
        let mut answer = WriteContentResponse {
            action: request.action,
            started_at: Some(timestamp(progress.started)),
            updated_at: Some(timestamp(progress.updated)),
            offset: i64::try_from(progress.offset).unwrap_or(i64::MAX),
            total: progress.total,
            digest: ingest.digest().to_string(),
        };
        if action != WriteAction::Commit {
            return Ok((answer, Some(ingest)));
        }
        answer.digest = ingest.commit().map_err(problem)?.to_string();
        Ok((answer, None))
    }

    /// A blob that is not there is the engine's business: it may ask for what it can do without.
    fn unreadable(&self, digest: &Digest, error: io::Error) -> Status {
        if error.kind() == io::ErrorKind::NotFound {
            return Status::not_found(format!("content {digest}: not found"));
        }
        let (algorithm, hex) = digest.parts();
        let path = self.layout.root().join("blobs").join(algorithm).join(hex);
        let error = unreadable(&path, error);
        let status = Status::unknown(error.message.clone());
        if self.layout.purpose() == Use::Context {
            self.complaints.complain(error);
        }
        status
    }

    fn problem(&self, problem: Problem) -> Status {
        match problem {
            Problem::Engine(status) => status,
            Problem::Machine(error) => {
                let status = Status::unknown(error.message.clone());
                if self.layout.purpose() == (Use::CacheTo { is_optional: false }) {
                    self.complaints.complain(error);
                }
                status
            }
        }
    }
}

fn parse(text: &str) -> Result<Digest, Status> {
    Digest::parse(text).ok_or_else(|| Status::invalid_argument(format!("{text:?} is no digest")))
}
