//! The peers, one file each, used as their documentation shows.

mod aliri_tower;
mod axum_gate;
mod axum_jwt_auth;
pub mod by_hand;
mod from_fn;
mod jwt_authorizer;
mod protect_axum;
mod tower_oauth2;

use jwt_auth::Algorithm;

use crate::contender::Contender;

/// A peer, or its name and why it is not in the table.
pub type Peer = Result<Contender, (&'static str, &'static str)>;

/// Every peer for an algorithm. Ratios are relative to the first.
pub fn all(algorithm: Algorithm, token: &str) -> Vec<Peer> {
    vec![
        Ok(by_hand::peer(algorithm, token)),
        Ok(from_fn::peer(algorithm, token)),
        Ok(protect_axum::peer(algorithm, token)),
        aliri_tower::peer(algorithm, token),
        Ok(axum_jwt_auth::peer(algorithm, token)),
        Ok(jwt_authorizer::peer(algorithm, token)),
        Ok(tower_oauth2::peer(algorithm, token)),
        Ok(axum_gate::peer(algorithm)),
    ]
}
