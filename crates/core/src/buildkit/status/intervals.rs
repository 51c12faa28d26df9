//! The times at which a step was at work.

use bollard_buildkit_proto::google::protobuf::Timestamp;

/// A point in time by the engine's clock, in nanoseconds since 1970.
pub(super) type Instant = i64;

/// The point in time of a timestamp; what lies outside of 1678 to 2262 is moved to the edge.
pub(super) fn instant(time: &Timestamp) -> Instant {
    let nanos = time.seconds.saturating_mul(1_000_000_000);
    nanos.saturating_add(i64::from(time.nanos))
}

/// Milliseconds from one point to another; 0 where the other is the earlier one.
pub(super) fn millis_between(start: Instant, end: Instant) -> u64 {
    u64::try_from(end.saturating_sub(start)).unwrap_or(0) / 1_000_000
}

/// Intervals, known by their starts and sorted by them. They may overlap: layers are unpacked side by side.
#[derive(Debug, Default)]
pub(super) struct Intervals(Vec<(Instant, Option<Instant>)>);

impl Intervals {
    /// Takes the beginning of an interval, with its end where it has one. What has ended stays so.
    pub(super) fn record(&mut self, start: Instant, end: Option<Instant>) {
        match self.0.binary_search_by_key(&start, |(start, _)| *start) {
            Ok(place) => self.0[place].1 = end.or(self.0[place].1),
            Err(place) => self.0.insert(place, (start, end)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether one of them has not ended.
    pub(super) fn is_open(&self) -> bool {
        self.0.iter().any(|(_, end)| end.is_none())
    }

    /// Milliseconds in which at least one went on. Those that have not ended go on until `now`, or count for nothing.
    pub(super) fn total_ms(&self, now: Option<Instant>) -> u64 {
        let mut nanos = 0;
        let mut covered = Instant::MIN;
        for (start, end) in &self.0 {
            let from = covered.max(*start);
            let end = end.or(now).unwrap_or(*start);
            if end > from {
                nanos += u128::from(end.abs_diff(from));
                covered = end;
            }
        }
        u64::try_from(nanos / 1_000_000).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Instant = 1_000_000;

    fn total(intervals: &[(Instant, Instant)]) -> u64 {
        let mut all = Intervals::default();
        for (start, end) in intervals {
            all.record(start * MS, Some(end * MS));
        }
        all.total_ms(None)
    }

    #[test]
    fn what_overlaps_counts_once() {
        let table: &[(&[(Instant, Instant)], u64)] = &[
            (&[], 0),
            (&[(5, 7)], 2),
            (&[(5, 7), (7, 9)], 4),
            (&[(10, 20), (5, 7)], 12),
            (&[(5, 20), (7, 9)], 15),
            (&[(5, 10), (8, 20), (30, 31)], 16),
            (&[(5, 3)], 0),
            (&[(-4, -1)], 3),
        ];
        for (intervals, millis) in table {
            assert_eq!(total(intervals), *millis, "{intervals:?}");
        }
    }

    #[test]
    fn an_interval_ends_once_in_whatever_order_it_is_told() {
        let mut intervals = Intervals::default();
        intervals.record(1, None);
        assert!(intervals.is_open());
        intervals.record(1, Some(3 * MS));
        intervals.record(1, None);
        assert!(!intervals.is_open());
        assert_eq!((intervals.len(), intervals.total_ms(Some(9 * MS))), (1, 2));
    }

    #[test]
    fn an_interval_that_is_open_goes_on_until_now() {
        let mut intervals = Intervals::default();
        intervals.record(MS, Some(3 * MS));
        intervals.record(5 * MS, None);
        for (now, millis) in [(None, 2), (Some(4), 2), (Some(5), 2), (Some(9), 6)] {
            let now = now.map(|now| now * MS);
            assert_eq!(intervals.total_ms(now), millis, "{now:?}");
        }
    }

    #[test]
    fn times_beyond_all_reason_do_no_harm() {
        let edge = |seconds| {
            instant(&Timestamp {
                seconds,
                nanos: i32::MAX,
            })
        };
        let mut intervals = Intervals::default();
        intervals.record(edge(i64::MIN), Some(edge(i64::MAX)));
        assert!(intervals.total_ms(None) > 0);
        assert_eq!(millis_between(edge(i64::MAX), edge(i64::MIN)), 0);
    }
}
