//! The reader of the log: connections of its own, which no other call delays, and the position in the log.
//!
//! A row gets its number before its transaction commits, so a row may become visible after rows with greater numbers. The
//! reader remembers the numbers that it did not see, and queries them again for a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jwt_auth::errors::StoreError;
use jwt_auth::session::log::{Batch, Heartbeats, Row};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{ConnectOptions as _, Executor as _, Row as _};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::postgres::lanes::TIMEOUT;
use crate::postgres::names::{Names, Statement};
use crate::postgres::sql::{BEAT, READ, READ_ALL};

/// The largest number of rows of one query.
const PAGE: usize = 10_000;
/// A number that was missing for this long belongs to no transaction under way.
const GAP_LIFE: Duration = Duration::from_secs(30);
/// The largest number of missing numbers that are remembered.
const MOST_GAPS: u16 = 5_000;

/// The position of a reader: the last row that it has seen, and when it noticed which numbers are missing.
#[derive(Clone, Default)]
pub(super) struct Cursor {
    seq: i64,
    /// The key of the row with that number.
    key: Arc<str>,
    /// The number of the connection that read it.
    connection: u64,
    gaps: Arc<BTreeMap<i64, Instant>>,
}

impl Cursor {
    /// The position after these rows, which are in order.
    fn after_rows(&self, page: &[PgRow], connection: u64, is_whole: bool) -> Self {
        let number = |row: &PgRow| row.try_get::<i64, _>(3).ok();
        let seen: Vec<i64> = page.iter().filter_map(number).collect();
        let mut next = Self { connection, ..self.after(&seen, is_whole) };
        let last = page.last().filter(|row| number(row) == Some(next.seq));
        if let Some(key) = last.and_then(|row| row.try_get::<&str, _>(0).ok()) {
            next.key = key.into();
        }
        next
    }

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
        Self { seq: last, gaps: Arc::new(gaps), ..self.clone() }
    }
}

pub(super) struct Reader {
    connection: Single,
    read: Statement,
    /// For a reader without a position, which reads a million rows.
    read_all: Statement,
    heartbeats: Option<Pulse>,
}

/// The heartbeats of a node that reads from a standby.
struct Pulse {
    heartbeats: Heartbeats,
    primary: Single,
    beat: Statement,
}

impl Reader {
    /// A reader of the primary, or of a standby, if `standby` has its options.
    pub(super) fn new(
        primary: PgConnectOptions,
        standby: Option<PgConnectOptions>,
        is_pooled: bool,
        names: &Names,
    ) -> Result<Self, StoreError> {
        let (read, read_all) = (names.statement(READ), names.statement(READ_ALL));
        let primary = Single::new(primary, is_pooled);
        let Some(standby) = standby else {
            return Ok(Self { connection: primary, read, read_all, heartbeats: None });
        };
        let beat = names.statement(BEAT);
        let pulse = Pulse { heartbeats: Heartbeats::new()?, primary, beat };
        let connection = Single::new(standby, is_pooled);
        Ok(Self { connection, read, read_all, heartbeats: Some(pulse) })
    }

    /// Reads every row since the cursor, or every row.
    pub(super) async fn read(&self, after: Option<Cursor>) -> Result<Batch<Cursor>, StoreError> {
        // A primary that does not answer is an error also if the standby does: it may have lost writes.
        let (written, batch) = tokio::join!(self.write_heartbeat(), self.read_rows(after));
        written?;
        batch
    }

    /// Writes a heartbeat to the primary, if the node reads from a standby and one is due.
    async fn write_heartbeat(&self) -> Result<(), StoreError> {
        let Some(Pulse { heartbeats, primary, beat }) = &self.heartbeats else { return Ok(()) };
        let Some(number) = heartbeats.next() else { return Ok(()) };
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let query = sqlx::query(beat.sql()).bind(heartbeats.name()).bind(number);
        primary.fetch(query).await.map(drop)
    }

    async fn read_rows(&self, after: Option<Cursor>) -> Result<Batch<Cursor>, StoreError> {
        if let Some(cursor) = after
            && let Some(batch) = self.read_since(cursor, Vec::new(), false).await?
        {
            return Ok(batch);
        }
        let mut rows = Vec::new();
        let cursor = self.read_all(&mut rows).await?;
        let batch = self.read_since(cursor, rows, true).await?;
        batch.ok_or_else(|| StoreError::new("the log changed while it was read"))
    }

    /// Reads what follows a position, and appends it to the rows; `None` if the server has lost the last row before it.
    /// It would have assigned the numbers after that row a second time.
    async fn read_since(
        &self,
        start: Cursor,
        mut rows: Vec<Row>,
        is_whole: bool,
    ) -> Result<Option<Batch<Cursor>>, StoreError> {
        let sent = Instant::now();
        let (mut cursor, mut as_of, mut has_start) = (start.clone(), None, start.seq == 0);
        loop {
            let gaps: Vec<i64> = cursor.gaps.keys().copied().collect();
            let query = sqlx::query(self.read.sql()).bind(cursor.seq).bind(gaps).bind(limit());
            let node = self.heartbeats.as_ref().map(|pulse| pulse.heartbeats.name());
            let (page, connection) = self.connection.fetch(query.bind(node)).await?;
            let first = page.first().ok_or_else(|| StoreError::new("the log did not answer"))?;
            if cursor.seq == start.seq {
                as_of = self.as_of(first, sent)?;
                let last: Option<&str> = first.try_get("last_key").map_err(StoreError::new)?;
                has_start |= last == Some(&*start.key);
            }
            // The row was written again. Not on another connection: another node may have restored it after a failover.
            let is_moved = |row: &PgRow| row.try_get(0).is_ok_and(|key: &str| *key == *start.key);
            has_start |= connection == start.connection && page.iter().any(is_moved);
            let is_last = page.len() < PAGE;
            rows.extend(page.iter().filter_map(read_row));
            cursor = cursor.after_rows(&page, connection, false);
            if is_last {
                let batch = Batch { rows, cursor, is_whole, as_of };
                return Ok(has_start.then_some(batch));
            }
        }
    }

    /// Up to which time an answer is complete.
    fn as_of(&self, answer: &PgRow, sent: Instant) -> Result<Option<Instant>, StoreError> {
        if let Some(pulse) = &self.heartbeats {
            let beat: Option<i64> = answer.try_get("beat").map_err(StoreError::new)?;
            let number = beat.and_then(|beat| u64::try_from(beat).ok());
            return Ok(number.and_then(|number| pulse.heartbeats.sent_at(number)));
        }
        if answer.try_get("standby").map_err(StoreError::new)? {
            return Err(StoreError::new("the server is a standby; expected the primary"));
        }
        Ok(Some(sent))
    }

    /// Reads every row in pages, and returns the position after the last one.
    async fn read_all(&self, rows: &mut Vec<Row>) -> Result<Cursor, StoreError> {
        let mut cursor = Cursor::default();
        loop {
            let query = sqlx::query(self.read_all.sql()).bind(cursor.seq).bind(limit());
            let (page, connection) = self.connection.fetch(query).await?;
            rows.extend(page.iter().filter_map(read_row));
            cursor = cursor.after_rows(&page, connection, true);
            if page.len() < PAGE {
                return Ok(cursor);
            }
        }
    }
}

/// One connection, which is opened again after an error.
struct Single {
    options: PgConnectOptions,
    /// Behind a pooler a prepared statement is valid within one transaction.
    is_pooled: bool,
    /// The open connection, and how many were opened.
    connection: Mutex<(Option<PgConnection>, u64)>,
}

impl Single {
    fn new(options: PgConnectOptions, is_pooled: bool) -> Self {
        // Each plan knows the position of the reader: a generic plan would read the whole table. A pooler accepts no
        // settings.
        let plan = [("plan_cache_mode", "force_custom_plan")];
        let options = if is_pooled { options } else { options.options(plan) };
        Self { options, is_pooled, connection: Mutex::default() }
    }

    /// Runs a statement. Returns its rows, and the number of the connection.
    async fn fetch(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<(Vec<PgRow>, u64), StoreError> {
        // A connection whose read was abandoned, or failed, is not put back.
        let mut current = self.connection.lock().await;
        let (slot, number) = &mut *current;
        let mut connection = if let Some(connection) = slot.take() {
            connection
        } else {
            *number += 1;
            let connected = timeout(TIMEOUT, self.options.connect()).await;
            connected.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(StoreError::new)?
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
        // A pooler may use another connection to the server for each statement.
        *number += u64::from(self.is_pooled);
        Ok((rows, *number))
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
