use std::sync::Arc;

use futures_util::stream::empty;
use tonic::Code;

use super::Caller;
use crate::buildkit::archive::Archive;
use crate::buildkit::complaints::Complaints;
use crate::buildkit::session::{BytesMessage, Upload};
use crate::error::ErrorKind;

const PULL: &str = "/moby.upload.v1.Upload/Pull";

async fn pull(caller: &Caller, path: &str) -> Result<Vec<u8>, tonic::Status> {
    let metadata = [("urlpath", path)];
    let pulled = caller.streams(PULL, &metadata, empty::<BytesMessage>());
    let mut pulled = pulled.await?;
    let mut content = Vec::new();
    while let Some(BytesMessage { data }) = pulled.message().await? {
        content.extend_from_slice(&data);
    }
    Ok(content)
}

#[tokio::test]
async fn an_archive_is_fetched_once_and_under_its_own_address() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let content = [b"BZh".as_slice(), &vec![0x55; 1_000_000]].concat();
    std::fs::write(file.path(), &content).unwrap();
    let archive = Arc::new(Archive::open(file.path()).unwrap());
    let url = archive.url();
    let path = url.strip_prefix("http://buildkit-session").unwrap();
    let caller = Caller::of(Upload {
        archive,
        complaints: Arc::default(),
    })
    .await;
    let missed = pull(&caller, "/another").await.unwrap_err();
    assert_eq!(missed.code(), Code::NotFound);
    assert!(pull(&caller, path).await.unwrap() == content);
    let again = pull(&caller, path).await.unwrap_err();
    assert_eq!(again.code(), Code::NotFound);
}

#[tokio::test]
async fn an_archive_that_shrinks_is_complained_about() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), [b"BZh".as_slice(), &[0; 1000]].concat()).unwrap();
    let archive = Arc::new(Archive::open(file.path()).unwrap());
    file.as_file().set_len(1).unwrap();
    let url = archive.url();
    let complaints = Arc::new(Complaints::default());
    let caller = Caller::of(Upload {
        archive,
        complaints: Arc::clone(&complaints),
    })
    .await;
    let path = url.strip_prefix("http://buildkit-session").unwrap();
    let status = pull(&caller, path).await.unwrap_err();
    let complaint = complaints.take("").unwrap();
    assert_eq!(complaint.kind, ErrorKind::ContextInvalid);
    assert_eq!(status.message(), complaint.message);
}
