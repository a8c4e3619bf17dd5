//! tonic: a guard before a gRPC service.

use axum::Router;
use jwt_auth::{AccessToken, GuardedRouter, JwtAuth, guard};
use neighbours::auth;
use tokio::net::TcpListener;
use tonic::{Code, Request, Response, Status};

/// What `build.rs` generates.
mod generated {
    include!(concat!(env!("OUT_DIR"), "/notes.Notes.rs"));
}
use generated::notes_client::NotesClient;
use generated::notes_server::{self, NotesServer};

#[derive(Clone, PartialEq, prost::Message)]
struct Note {
    #[prost(string, tag = "1")]
    text: String,
}

struct Notes;

#[tonic::async_trait]
impl notes_server::Notes for Notes {
    async fn add(&self, request: Request<Note>) -> Result<Response<Note>, Status> {
        let token = request.extensions().get::<AccessToken>();
        let token = token.ok_or_else(|| Status::internal("there is no guard"))?;
        let text = format!("{}: {}", token.subject(), request.get_ref().text);
        Ok(Response::new(Note { text }))
    }
}

fn app(auth: JwtAuth) -> Router {
    let guard = guard::required().scopes(["notes:write"]);
    GuardedRouter::new()
        .guarded_route_service("/notes.Notes/{method}", guard, NotesServer::new(Notes))
        .with_state(auth)
}

#[tokio::test]
async fn a_grpc_service_is_guarded_and_has_the_token() {
    let auth = auth();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(axum::serve(listener, app(auth.clone())).into_future());
    let mut client = NotesClient::connect(address).await.expect("a connection");
    let mut add = async |token: Option<&str>| {
        let mut request = Request::new(Note { text: "milk".to_owned() });
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().expect("a header");
            request.metadata_mut().insert("authorization", value);
        }
        client
            .add(request)
            .await
            .map(|note| note.into_inner().text)
            .map_err(|status| (status.code(), status.message().to_owned()))
    };
    let token = |scope| auth.access_token("alice").scopes([scope]).issue().expect("a token");
    let (code, message) = add(None).await.expect_err("there is no token");
    assert!(code == Code::Unauthenticated && message.contains("token_missing"), "{message}");
    let (code, message) = add(Some(&token("notes:read"))).await.expect_err("the scope is missing");
    assert!(code == Code::PermissionDenied && message.contains("scope_insufficient"), "{message}");
    assert_eq!(add(Some(&token("notes:write"))).await, Ok("alice: milk".to_owned()));
    server.abort();
}
