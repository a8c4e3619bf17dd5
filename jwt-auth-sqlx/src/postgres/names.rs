//! The names of the tables: their schema and their prefix.

use std::sync::Arc;

use jwt_auth::errors::StoreError;
use sqlx::AssertSqlSafe;

use crate::postgres::sql::{MAX_PREFIX, PREFIX};

/// A statement with the names of one store. Only checked names are part of it.
#[derive(Clone)]
pub(super) struct Statement(Arc<str>);

impl Statement {
    pub(super) fn sql(&self) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(Arc::clone(&self.0))
    }
}

/// The schema and the prefix of a store's tables.
#[derive(Clone, Debug)]
pub(super) struct Names {
    schema: Option<String>,
    prefix: String,
}

impl Default for Names {
    fn default() -> Self {
        Self { schema: None, prefix: PREFIX.to_owned() }
    }
}

impl Names {
    pub(super) fn set_schema(&mut self, schema: String) {
        self.schema = Some(schema);
    }

    pub(super) fn set_prefix(&mut self, prefix: String) {
        self.prefix = prefix;
    }

    pub(super) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// Checks the names, and returns them in lower case, as `PostgreSQL` reads a name without quotes.
    pub(super) fn check(self) -> Result<Self, StoreError> {
        let prefix = check("table prefix", &self.prefix)?;
        let schema = self.schema.map(|schema| check("schema", &schema)).transpose()?;
        Ok(Self { schema, prefix })
    }

    /// The text of a statement for these names, which were checked.
    pub(super) fn text(&self, sql: &str) -> String {
        let schema = self.schema.as_ref().map(|schema| format!("{schema}.")).unwrap_or_default();
        sql.replace("{s}", &schema).replace("jwt_auth_", &format!("{}_", self.prefix))
    }

    pub(super) fn statement(&self, sql: &str) -> Statement {
        Statement(self.text(sql).into())
    }

    /// The channel of notifications.
    pub(super) fn channel(&self) -> String {
        self.text("jwt_auth_news")
    }
}

fn check(what: &str, name: &str) -> Result<String, StoreError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts_a_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_a_name || name.len() > MAX_PREFIX || !name.chars().all(is_allowed) {
        return Err(StoreError::new(format_args!(
            "invalid {what} `{}`; expected letters, digits and `_`, no digit first, at most {MAX_PREFIX} characters",
            name.escape_debug(),
        )));
    }
    Ok(name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::sql::{ADOPT, APPEND, MIGRATIONS, PRUNE_ENTRIES, READ, ROTATE, SESSION};

    #[test]
    fn names_are_validated_and_lowercased() {
        for good in ["Shop_2", "_x", &"x".repeat(40)] {
            assert_eq!(check("table prefix", good).unwrap(), good.to_ascii_lowercase());
        }
        for bad in ["", "2shop", "a-b", "a b", "a;drop", "a\"", "\u{e9}", &"x".repeat(41)] {
            let error = check("table prefix", bad).unwrap_err().to_string();
            assert!(error.contains("invalid table prefix"), "{error}");
        }
    }

    #[test]
    fn statements_use_the_configured_names() {
        let names = Names { schema: Some("auth".into()), prefix: "shop".into() };
        for sql in [APPEND, READ, SESSION, ADOPT, ROTATE, PRUNE_ENTRIES, MIGRATIONS[0]] {
            let renamed = names.text(sql);
            assert!(renamed.contains("auth.shop_") && !renamed.contains(PREFIX), "{renamed}");
            assert!(!Names::default().text(sql).contains('{'), "{sql}");
        }
    }
}
