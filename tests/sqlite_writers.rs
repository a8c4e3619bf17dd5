//! Two nodes that write to one SQLite file as fast as its disk allows.
//!
//! It is a separate test binary, so that no other test uses the disk and the processors meanwhile.

use jwt_auth::{Config, JwtAuth};
use jwt_auth_sqlx::SqliteStore;
use tests::folder::Folder;

fn auth(store: SqliteStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("a valid configuration")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s19_writers_of_two_nodes_on_one_file_do_not_starve() {
    let folder = Folder::new("writers");
    let mut nodes = Vec::new();
    for _ in 0..2 {
        nodes.push(auth(SqliteStore::open(folder.file()).await.expect("opened")));
    }
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..60 {
        let node = nodes[n % 2].clone();
        calls.spawn(async move {
            let mut refused = Vec::new();
            for _ in 0..20 {
                let turn = async {
                    let pair = node.log_in(format!("user-{n}")).await?;
                    node.log_out(node.verify_access(pair.access_token()).await?).await
                };
                if let Err(error) = turn.await {
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    refused.push(source.unwrap_or_else(|| error.to_string()));
                }
            }
            refused
        });
    }
    let refused: Vec<String> = calls.join_all().await.into_iter().flatten().collect();
    // Other programs of the machine may use the disk for longer than a caller waits.
    assert!(refused.len() <= 12, "of 1 200 turns of 60 clients on two nodes: {refused:?}");
}
