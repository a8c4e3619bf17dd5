//! The reader of the log: a connection of its own, which no other call delays, and the position in the log.
//!
//! A row gets its number before its transaction commits, so a row may become visible after rows with greater numbers. The
//! reader remembers the numbers that it did not see, and asks for them again for a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jwt_auth::errors::StoreError;
use jwt_auth::session::log::{Batch, Row};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{ConnectOptions as _, Executor as _, Row as _};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::postgres::lanes::TIMEOUT;
use crate::postgres::names::Statement;

/// The largest number of rows of one query.
const PAGE: usize = 10_000;
/// A number that was missing for this long belongs to no transaction under way.
const GAP_LIFE: Duration = Duration::from_secs(30);
/// The largest number of missing numbers that are remembered.
const MOST_GAPS: u16 = 5_000;

/// The position of a reader: the greatest number that it has seen, and when it noticed which numbers are missing.
#[derive(Clone, Default)]
pub(super) struct Cursor {
    seq: i64,
    gaps: Arc<BTreeMap<i64, Instant>>,
}

impl Cursor {
    /// The position after these numbers, which are in order.
    fn after(&self, seen: &[i64]) -> Self {
        let now = Instant::now();
        let mut gaps: BTreeMap<i64, Instant> = self
            .gaps
            .iter()
            .filter(|(_, since)| since.elapsed() < GAP_LIFE)
            .map(|(seq, since)| (*seq, *since))
            .collect();
        let mut last = self.seq;
        // Of a whole table, only the last numbers can belong to transactions under way.
        let first_gap = seen.last().map_or(0, |last| last.saturating_sub(MOST_GAPS.into()));
        for seq in seen {
            gaps.remove(seq);
            for missing in (last + 1).max(first_gap)..*seq {
                gaps.insert(missing, now);
            }
            last = last.max(*seq);
        }
        while gaps.len() > usize::from(MOST_GAPS) {
            gaps.pop_first();
        }
        Self { seq: last, gaps: Arc::new(gaps) }
    }
}

pub(super) struct Reader {
    options: PgConnectOptions,
    /// Behind a pooler a prepared statement is valid within one transaction.
    is_pooled: bool,
    read: Statement,
    connection: Mutex<Option<PgConnection>>,
}

impl Reader {
    pub(super) fn new(options: PgConnectOptions, is_pooled: bool, read: Statement) -> Self {
        Self { options, is_pooled, read, connection: Mutex::default() }
    }

    /// Reads every row since the cursor, or every row.
    pub(super) async fn read(&self, after: Option<Cursor>) -> Result<Batch<Cursor>, StoreError> {
        let mut is_whole = after.is_none();
        let mut cursor = after.unwrap_or_default();
        let mut gaps: Vec<i64> = cursor.gaps.keys().copied().collect();
        let (mut rows, mut from) = (Vec::new(), cursor.seq);
        loop {
            let page = self.page(from, &gaps).await?;
            let first = page.first().ok_or_else(|| StoreError::new("the log did not answer"))?;
            if first.try_get("standby").map_err(StoreError::new)? {
                return Err(StoreError::new("the server is a standby; expected the primary"));
            }
            let last_value: i64 = first.try_get("last_value").map_err(StoreError::new)?;
            if last_value < from {
                // The server lost numbers that this reader has seen: it begins again.
                (is_whole, cursor, from) = (true, Cursor::default(), 0);
                gaps.clear();
                rows.clear();
                continue;
            }
            let seen: Vec<i64> = page.iter().filter_map(|row| row.try_get("seq").ok()).collect();
            rows.extend(page.iter().filter_map(read_row));
            cursor = cursor.after(&seen);
            if seen.len() < PAGE {
                return Ok(Batch { rows, cursor, is_whole });
            }
            from = cursor.seq.max(from);
            gaps.clear();
        }
    }

    async fn page(&self, from: i64, gaps: &[i64]) -> Result<Vec<PgRow>, StoreError> {
        // A connection whose read was abandoned, or failed, is not put back.
        let mut slot = self.connection.lock().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => timeout(TIMEOUT, self.options.connect())
                .await
                .unwrap_or(Err(sqlx::Error::PoolTimedOut))
                .map_err(StoreError::new)?,
        };
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let query = sqlx::query(self.read.sql()).bind(from).bind(gaps).bind(limit);
        let read = async {
            if !self.is_pooled {
                return query.fetch_all(&mut connection).await;
            }
            connection.execute("begin").await?;
            let rows = query.persistent(false).fetch_all(&mut connection).await?;
            connection.execute("commit").await?;
            Ok(rows)
        };
        let rows = timeout(TIMEOUT, read).await;
        let rows = rows.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(StoreError::new)?;
        *slot = Some(connection);
        Ok(rows)
    }
}

/// Reads a row of entries; `None` for a malformed row, which is ignored, and for the answer without rows.
pub(super) fn read_row(row: &PgRow) -> Option<Row> {
    let number = |column| u64::try_from(row.try_get::<i64, _>(column).ok()?).ok();
    Some(Row {
        key: row.try_get::<Option<String>, _>("key").ok()??,
        before: number("before")?,
        until: number("until")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(cursor: &Cursor) -> Vec<i64> {
        cursor.gaps.keys().copied().collect()
    }

    #[tokio::test(start_paused = true)]
    async fn s17_missing_numbers_are_remembered_until_they_are_seen_or_too_old() {
        let cursor = Cursor::default().after(&[1, 2, 5, 7]);
        assert_eq!((cursor.seq, gaps(&cursor)), (7, vec![3, 4, 6]));
        let cursor = cursor.after(&[4, 8]);
        assert_eq!((cursor.seq, gaps(&cursor)), (8, vec![3, 6]));
        let cursor = cursor.after(&[]);
        assert_eq!((cursor.seq, gaps(&cursor)), (8, vec![3, 6]));
        tokio::time::advance(GAP_LIFE).await;
        let cursor = cursor.after(&[10]);
        assert_eq!((cursor.seq, gaps(&cursor)), (10, vec![9]));
    }

    #[test]
    fn the_missing_numbers_of_a_large_table_are_bounded() {
        let cursor = Cursor::default().after(&[1_000_000, 1_000_002]);
        assert_eq!(cursor.gaps.len(), usize::from(MOST_GAPS));
        assert!(cursor.gaps.contains_key(&1_000_001), "the last ones");
    }
}
