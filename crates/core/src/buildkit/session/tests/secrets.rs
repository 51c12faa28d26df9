use std::collections::BTreeMap;

use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use tonic::Code;

use super::Caller;
use crate::build_options::SecretValue;
use crate::buildkit::session::Secrets;

#[tokio::test]
async fn a_secret_is_given_by_its_id_and_no_other() {
    let secrets = BTreeMap::from([("token".to_owned(), SecretValue::new("hunter2"))]);
    let caller = Caller::of(Secrets(secrets.into())).await;
    let path = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
    let ask = |id: &str| GetSecretRequest {
        id: id.to_owned(),
        ..GetSecretRequest::default()
    };
    let given: GetSecretResponse = caller.unary(path, &[], ask("token")).await.unwrap();
    assert_eq!(given.data, b"hunter2");
    let other = caller
        .unary::<_, GetSecretResponse>(path, &[], ask("other"))
        .await;
    assert_eq!(other.unwrap_err().code(), Code::NotFound);
    caller.tasks.close().await;
}
