//! Policies in Cedar: who may do what with an issue.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use jwt_auth::{AuthError, AuthErrorKind};

use crate::issues::Issue;

#[derive(Clone)]
pub(crate) struct Policies(Arc<PolicySet>);

impl Policies {
    /// Parses the policies, so that a mistake in them is found before the first request.
    pub(crate) fn load(text: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self(Arc::new(text.parse::<PolicySet>()?)))
    }

    /// Whether the policies permit the action. What they cannot decide is an error, and 503.
    pub(crate) fn permit(
        &self,
        action: &str,
        subject: &str,
        roles: &[&str],
        issue: &Issue,
    ) -> Result<bool, AuthError> {
        let decide = || -> Result<bool, Box<dyn Error>> {
            let principal = uid("User", subject)?;
            let resource = uid("Issue", &issue.id.to_string())?;
            let parents =
                roles.iter().map(|role| uid("Role", role)).collect::<Result<HashSet<_>, _>>()?;
            let attributes = HashMap::from([
                (
                    "owner".to_owned(),
                    RestrictedExpression::new_entity_uid(uid("User", &issue.owner)?),
                ),
                ("state".to_owned(), RestrictedExpression::new_string(issue.state.clone())),
            ]);
            let entities = [
                Entity::new(principal.clone(), HashMap::new(), parents)?,
                Entity::new(resource.clone(), attributes, HashSet::new())?,
            ];
            let entities = Entities::from_entities(entities, None)?;
            let action = uid("Action", action)?;
            let request = Request::new(principal, action, resource, Context::empty(), None)?;
            let response = Authorizer::new().is_authorized(&request, &self.0, &entities);
            match response.diagnostics().errors().next() {
                Some(error) => Err(error.to_string().into()),
                None => Ok(response.decision() == Decision::Allow),
            }
        };
        decide().map_err(|error| {
            eprintln!("the policies cannot decide: {error}");
            AuthErrorKind::Unavailable.into()
        })
    }
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, Box<dyn Error>> {
    Ok(EntityUid::from_type_name_and_id(kind.parse()?, id.parse()?))
}
