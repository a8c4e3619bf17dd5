//! The reader of the log: a connection of its own, which no other call delays, and the position in the log.
//!
//! A row gets its number before its transaction commits, so a row may become visible after rows with greater numbers. The
//! reader remembers the numbers that it did not see, and queries them again for a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jwt_auth::errors::StoreError;
use jwt_auth::session::log::{Batch, Row};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{ConnectOptions as _, Executor as _, Row as _};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::postgres::lanes::TIMEOUT;
use crate::postgres::names::{Names, Statement};
use crate::postgres::sql::{READ, READ_ALL};

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
    /// The position after these numbers, which are in order. Of a whole table, only the last missing numbers can belong
    /// to transactions under way: the others are rows that were deleted.
    fn after(&self, seen: &[i64], is_whole: bool) -> Self {
        let now = Instant::now();
        let mut gaps: BTreeMap<i64, Instant> = self
            .gaps
            .iter()
            .filter(|(_, since)| since.elapsed() < GAP_LIFE)
            .map(|(seq, since)| (*seq, *since))
            .collect();
        let mut last = self.seq;
        let newest_before = |seq: i64| seq.saturating_sub(MOST_GAPS.into());
        let first_gap = seen.last().filter(|_| is_whole).map_or(0, |last| newest_before(*last));
        for seq in seen {
            gaps.remove(seq);
            for missing in (last + 1).max(first_gap).max(newest_before(*seq))..*seq {
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
    /// For a reader without a position, which reads a million rows.
    read_all: Statement,
    connection: Mutex<Option<PgConnection>>,
}

impl Reader {
    pub(super) fn new(options: PgConnectOptions, is_pooled: bool, names: &Names) -> Self {
        let (read, read_all) = (names.statement(READ), names.statement(READ_ALL));
        Self { options, is_pooled, read, read_all, connection: Mutex::default() }
    }

    /// Reads every row since the cursor, or every row.
    pub(super) async fn read(&self, after: Option<Cursor>) -> Result<Batch<Cursor>, StoreError> {
        let (mut is_whole, mut rows) = (after.is_none(), Vec::new());
        let mut cursor = after.unwrap_or_default();
        if is_whole {
            cursor = self.read_all(&mut rows).await?;
        }
        loop {
            let gaps: Vec<i64> = cursor.gaps.keys().copied().collect();
            let query = sqlx::query(self.read.sql()).bind(cursor.seq).bind(gaps).bind(limit());
            let page = self.fetch(query).await?;
            let first = page.first().ok_or_else(|| StoreError::new("the log did not answer"))?;
            if first.try_get("standby").map_err(StoreError::new)? {
                return Err(StoreError::new("the server is a standby; expected the primary"));
            }
            let last_value: i64 = first.try_get("last_value").map_err(StoreError::new)?;
            if last_value < cursor.seq {
                // The server lost numbers that this reader has seen: it begins again.
                rows.clear();
                is_whole = true;
                cursor = self.read_all(&mut rows).await?;
                continue;
            }
            let seen: Vec<i64> = page.iter().filter_map(|row| row.try_get(3).ok()).collect();
            rows.extend(page.iter().filter_map(read_row));
            cursor = cursor.after(&seen, false);
            if seen.len() < PAGE {
                return Ok(Batch { rows, cursor, is_whole });
            }
        }
    }

    /// Reads every row in pages, and returns the position after the last one.
    async fn read_all(&self, rows: &mut Vec<Row>) -> Result<Cursor, StoreError> {
        let mut cursor = Cursor::default();
        loop {
            let query = sqlx::query(self.read_all.sql()).bind(cursor.seq).bind(limit());
            let page = self.fetch(query).await?;
            let seen: Vec<i64> = page.iter().filter_map(|row| row.try_get(3).ok()).collect();
            rows.extend(page.iter().filter_map(read_row));
            cursor = cursor.after(&seen, true);
            if page.len() < PAGE {
                return Ok(cursor);
            }
        }
    }

    async fn fetch(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, StoreError> {
        // A connection whose read was abandoned, or failed, is not put back.
        let mut slot = self.connection.lock().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => timeout(TIMEOUT, self.options.connect())
                .await
                .unwrap_or(Err(sqlx::Error::PoolTimedOut))
                .map_err(StoreError::new)?,
        };
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

fn limit() -> i64 {
    i64::try_from(PAGE).unwrap_or(i64::MAX)
}

/// Reads a row of entries; `None` for a malformed row, which is ignored, and for the answer without rows.
pub(super) fn read_row(row: &PgRow) -> Option<Row> {
    // By their positions, because there may be a million.
    let number = |column: usize| u64::try_from(row.try_get::<i64, _>(column).ok()?).ok();
    let key = row.try_get::<Option<String>, _>(0).ok()??;
    Some(Row { key, before: number(1)?, until: number(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(cursor: &Cursor) -> Vec<i64> {
        cursor.gaps.keys().copied().collect()
    }

    #[tokio::test(start_paused = true)]
    async fn s17_missing_numbers_are_remembered_until_they_are_seen_or_too_old() {
        let cursor = Cursor::default().after(&[1, 2, 5, 7], false);
        assert_eq!((cursor.seq, gaps(&cursor)), (7, vec![3, 4, 6]));
        let cursor = cursor.after(&[4, 8], false);
        assert_eq!((cursor.seq, gaps(&cursor)), (8, vec![3, 6]));
        let cursor = cursor.after(&[], false);
        assert_eq!((cursor.seq, gaps(&cursor)), (8, vec![3, 6]));
        tokio::time::advance(GAP_LIFE).await;
        let cursor = cursor.after(&[10], false);
        assert_eq!((cursor.seq, gaps(&cursor)), (10, vec![9]));
    }

    #[test]
    fn the_missing_numbers_of_a_large_table_are_bounded() {
        for (is_whole, expected) in [(false, MOST_GAPS), (true, MOST_GAPS - 1)] {
            let cursor = Cursor::default().after(&[1_000_000, 1_000_002], is_whole);
            assert_eq!(cursor.gaps.len(), usize::from(expected));
            assert!(cursor.gaps.contains_key(&1_000_001), "the last ones");
        }
    }

    #[test]
    fn s17_a_number_that_is_missing_early_in_a_long_page_is_remembered() {
        let start = Cursor::default().after(&[1], true);
        let page: Vec<i64> = (3..20_000).collect();
        assert_eq!(gaps(&start.after(&page, false)), [2]);
    }
}
