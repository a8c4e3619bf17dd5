//! Generates the gRPC service of `tests/tonic.rs`, without a file of definitions and without `protoc`.

use tonic_prost_build::manual::{Builder, Method, Service};

fn main() {
    let add = Method::builder()
        .name("add")
        .route_name("Add")
        .input_type("crate::grpc::Note")
        .output_type("crate::grpc::Note")
        .codec_path("tonic_prost::ProstCodec")
        .build();
    let notes = Service::builder().name("Notes").package("notes").method(add).build();
    Builder::new().compile(&[notes]);
}
