//! Times as token servers write them (<https://www.rfc-editor.org/rfc/rfc3339>).

/// Seconds since 1970; `None` where `text` is no time, or one before 1970, as Go's zero time is.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse::<i64>().ok()).flatten()
    };
    let separators = [(4, "-"), (7, "-"), (13, ":"), (16, ":")];
    let is_time = separators
        .iter()
        .all(|(at, separator)| text.get(*at..=*at) == Some(separator))
        && matches!(text.get(10..11)?, "T" | "t" | " ");
    if !is_time {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 60;
    let zone = text
        .get(19..)?
        .trim_start_matches(|character: char| character == '.' || character.is_ascii_digit());
    let offset = offset(zone)?;
    let time = days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    (in_range && time > 0).then_some(time)
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    Some(sign * (hours * 3600 + minutes * 60))
}

/// Days from 1970-01-01 to a day of the Gregorian calendar; years begin in March here
/// (<https://howardhinnant.github.io/date_algorithms.html#days_from_civil>).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds() {
        for (text, wanted) in [
            ("1970-01-01T00:00:01Z", 1),
            ("2009-11-10T23:00:00Z", 1_257_894_000),
            ("2024-02-29T12:34:56.789123Z", 1_709_210_096),
            ("2024-02-29T12:34:56+02:00", 1_709_202_896),
            ("2100-03-01T00:00:00-00:30", 4_107_544_200),
        ] {
            assert_eq!(seconds(text), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "0001-01-01T00:00:00Z",
            "2024-02-29",
            "2024-13-01T00:00:00Z",
            "2024-02-29T12:34:56",
            "2024-02-29T24:00:00Z",
            "2024-02-29T12:60:00Z",
            "2024-02-29T12:34:56+two",
            "20241229T1234567Z",
            "二〇二四-02-29T12:34:56Z",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
